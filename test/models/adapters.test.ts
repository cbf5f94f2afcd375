import { afterAll, describe, expect, test } from "bun:test"
import { rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import fc from "fast-check"
import { suppress } from "#models/adapters/boxes"
import { lookAtModel, stampModel } from "#models/adapters/look"
import { classesOf, readNames } from "#models/adapters/names"
import { recogniseModel } from "#models/adapters/recognise"
import { checkContents } from "#models/adapters/safety"
import { openModel } from "#models/infer/session"
import { ModelError } from "#models/model-error"
import { createGraph } from "#models/onnx/graph"
import { readOnnx } from "#models/onnx/read"
import { bytesField, concat, intField, textField } from "#models/onnx/wire"
import { elsewhere, exported, hostile, sparse } from "./exports.ts"
import { tempDir } from "./kit.ts"

const folders: string[] = []
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** Runs an export on a grey picture of 200 x 100 and says what was read from its answer. */
async function look(bytes: Uint8Array) {
  const { source } = lookAtModel(bytes)
  const folder = await tempDir()
  folders.push(folder)
  const [sent, path] = [join(folder, "sent.onnx"), join(folder, "model.onnx")]
  await writeFile(sent, bytes)
  const { contract } = await stampModel(bytes, sent, undefined, path)
  const session = await openModel(path)
  try {
    const raw = new Uint8Array(200 * 100 * 3).fill(120)
    const seen = await session.inspect({ raw, width: 200, height: 100, channels: 3 })
    return { source, contract, ...seen, folder: dirname(path) }
  } finally {
    await session.release()
  }
}

const names = "{0: 'scratch', 1: 'dent'}"

/** Metadata as OpenVINO's Model API writes it. */
const info = (of: Record<string, string>) =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [`model_info ${key}`, value]))

describe("models of other makers", () => {
  test("Ultralytics v8 to v11: probabilities by rows, letterboxed, the same thing twice counts once", async () => {
    const dims = [1, 6, 84]
    // A 64 px input of a 200 x 100 picture: scale 0.32, 16 px of padding above and below.
    const box = (i: number, shift: number, score: number) =>
      [
        [[0, 0, i], 32 + shift],
        [[0, 1, i], 32],
        [[0, 2, i], 16],
        [[0, 3, i], 8],
        [[0, 5, i], score],
      ] as [number[], number][]
    const data = sparse(dims, [...box(3, 0, 0.9), ...box(4, 1, 0.8)])
    const meta = { task: "detect", names, license: "AGPL-3.0" }
    const { source, contract, verdict, findings } = await look(
      exported({ name: "images", side: 64 }, [{ name: "output0", dims, data }], meta),
    )
    expect(source).toBe("ultralytics")
    expect(contract.provenance.licence).toBe("AGPL-3.0")
    expect(verdict).toMatchObject({ eval: "ng" })
    expect(findings).toEqual([{ kind: "dent", score: expect.closeTo(0.9, 5), box: [75, 37.5, 50, 25] }])
  })

  test("YOLOv5: that there is anything times what it is then", async () => {
    const dims = [1, 252, 7]
    const row = [32, 32, 16, 8, 0.5, 0.9, 0.1].map((value, k) => [[0, 7, k], value] as [number[], number])
    const data = sparse(dims, row)
    const { contract, verdict, findings } = await look(
      exported({ name: "images", side: 64 }, [{ name: "output0", dims, data }], { task: "detect", names }),
    )
    expect(contract.decode.type).toBe("yolo_v5")
    expect(verdict.eval).toBe("undecidable")
    expect(findings).toMatchObject([{ kind: "scratch", score: expect.closeTo(0.45, 5) }])
  })

  test("end-to-end YOLO: rows of corners, score, class", async () => {
    const dims = [1, 300, 6]
    const row = [24, 28, 40, 36, 0.7, 1].map((value, k) => [[0, 0, k], value] as [number[], number])
    const { contract, findings } = await look(
      exported({ name: "images", side: 64 }, [{ name: "output0", dims, data: sparse(dims, row) }], {
        task: "detect",
        names,
      }),
    )
    expect(contract.decode.type).toBe("yolo_e2e")
    expect(findings).toEqual([{ kind: "dent", score: expect.closeTo(0.7, 5), box: [75, 37.5, 50, 25] }])
  })

  test("YOLOX: grids of strides 8, 16 and 32, logarithms of sizes, the picture in the top left corner", async () => {
    const dims = [1, 84, 7]
    // Cell (4, 2) of stride 8: middle at ((4 + 0.5) x 8, (2 + 0) x 8), 16 by 8 pixels.
    const cell = 2 * 8 + 4
    const row = [0.5, 0, Math.log(2), Math.log(1), 1, 0, 0.8].map(
      (value, k) => [[0, cell, k], value] as [number[], number],
    )
    const { source, contract, findings } = await look(
      exported({ name: "images", side: 64 }, [{ name: "output", dims, data: sparse(dims, row) }]),
    )
    expect(source).toBe("yolox")
    expect(contract.inputs[0]).toMatchObject({ color: "BGR", scale: 1 })
    expect(findings).toEqual([{ kind: "class-1", score: expect.closeTo(0.8, 5), box: [87.5, 37.5, 50, 25] }])
  })

  test("RT-DETR and D-FINE: boxes in pixels of the size that is fed, labels of 64 bits", async () => {
    const { source, findings } = await look(
      exported(
        { name: "images", side: 64 },
        [
          { name: "labels", dims: [1, 2], data: [3, 1], int64: true },
          { name: "boxes", dims: [1, 2, 4], data: [16, 16, 32, 32, 0, 0, 1, 1] },
          { name: "scores", dims: [1, 2], data: [0.6, 0.01] },
        ],
        {},
        "orig_target_sizes",
      ),
    )
    expect(source).toBe("rt-detr")
    expect(findings).toEqual([{ kind: "class-3", score: expect.closeTo(0.6, 5), box: [50, 25, 50, 25] }])
  })

  test("RF-DETR: shares of the input and logits", async () => {
    const { source, contract, findings } = await look(
      exported({ name: "input", side: 56 }, [
        { name: "dets", dims: [1, 1, 4], data: [0.5, 0.5, 0.25, 0.5] },
        { name: "labels", dims: [1, 1, 3], data: [-9, 2, -9] },
      ]),
    )
    expect(source).toBe("rf-detr")
    expect(contract.inputs[0]?.mean[0]).toBeCloseTo(0.485, 3)
    expect(findings).toEqual([{ kind: "class-1", score: expect.closeTo(0.8808, 3), box: [75, 25, 50, 50] }])
  })

  test("mmdeploy: corners and score in one row, labels beside them", async () => {
    const { source, findings } = await look(
      exported({ name: "input", side: 64 }, [
        { name: "dets", dims: [1, 1, 5], data: [24, 28, 40, 36, 0.9] },
        { name: "labels", dims: [1, 1], data: [2], int64: true },
      ]),
    )
    expect(source).toBe("mmdeploy")
    expect(findings).toEqual([{ kind: "class-2", score: expect.closeTo(0.9, 5), box: [75, 37.5, 50, 25] }])
  })

  test("anomalib: a score with its threshold at one half, and where the map stands out", async () => {
    const map = sparse(
      [1, 1, 8, 8],
      [
        [[0, 0, 2, 3], 0.9],
        [[0, 0, 2, 4], 0.7],
      ],
    )
    const { source, verdict, findings } = await look(
      exported({ name: "input", side: 64 }, [
        { name: "pred_score", dims: [1], data: [0.81] },
        { name: "anomaly_map", dims: [1, 1, 8, 8], data: map },
      ]),
    )
    expect(source).toBe("anomalib")
    expect(verdict).toMatchObject({ eval: "ng", score: expect.closeTo(0.81, 5) })
    expect(findings).toEqual([{ kind: "anomaly", score: expect.closeTo(0.9, 5), box: [75, 25, 50, 12.5] }])
  })

  test("OpenVINO's Model API: classes, several at once, masks", async () => {
    const classes = await look(
      exported(
        { name: "image", side: 32 },
        [{ name: "logits", dims: [1, 3], data: [0, 0, 3] }],
        info({
          model_type: "Classification",
          labels: "good scratch dent",
          mean_values: "123.7 116.3 103.5",
          scale_values: "58.4 57.1 57.4",
        }),
      ),
    )
    expect(classes.contract.classes.map(({ verdict }) => verdict)).toEqual(["OK", "NG", "NG"])
    expect(classes.contract.inputs[0]).toMatchObject({ scale: 1, mean: [123.7, 116.3, 103.5] })
    expect(classes.findings[0]).toMatchObject({ kind: "dent", score: expect.closeTo(0.9094, 3) })
    const several = await look(
      exported(
        { name: "image", side: 32 },
        [{ name: "logits", dims: [1, 2], data: [2, 2] }],
        info({ model_type: "Classification", multilabel: "True", labels: "scratch dent" }),
      ),
    )
    expect(several.findings.map(({ kind }) => kind)).toEqual(["scratch", "dent"])
    expect(several.verdict.score).toBeCloseTo(0.8808, 3)
    const mask = await look(
      exported(
        { name: "image", side: 32 },
        [{ name: "logits", dims: [1, 2, 4, 4], data: sparse([1, 2, 4, 4], [[[0, 1, 1, 2], 5]]) }],
        info({ model_type: "Segmentation", labels: "scratch" }),
      ),
    )
    // Where both are equally likely nothing stands out enough to be surer than the rest.
    expect(mask.findings[0]).toMatchObject({ kind: "scratch", score: expect.closeTo(0.9933, 3) })
  })

  test("Model API: boxes as shares of the input, the picture in the corner of its window", async () => {
    const { source, contract, findings } = await look(
      exported(
        { name: "image", side: 64 },
        [
          { name: "bboxes", dims: [1, 1, 4], data: [0.25, 0.125, 0.5, 0.25] },
          { name: "labels", dims: [1, 1], data: [1], int64: true },
          { name: "scores", dims: [1, 1], data: [0.8] },
        ],
        info({ model_type: "SSD", labels: "scratch dent", resize_type: "fit_to_window", pad_value: "0" }),
      ),
    )
    expect(source).toBe("openvino")
    expect(contract.inputs[0]?.resize).toMatchObject({ mode: "letterbox_topleft", pad: 0 })
    // 200 x 100 in 64 x 64: everything is 3.125 times as large on the picture.
    expect(findings).toEqual([{ kind: "dent", score: expect.closeTo(0.8, 5), box: [50, 25, 50, 25] }])
  })

  test("Model API: classes in a hierarchy are not taken for plain ones", () => {
    const said = info({ model_type: "Classification", hierarchical: "True", labels: "good bad scratch dent" })
    const answer = [{ name: "logits", dims: [1, 4], data: [0, 1, 2, 3] }]
    expect(lookAtModel(exported({ name: "image", side: 32 }, answer, said)).source).toBeNull()
  })

  test("Model API: things with masks, whose first label stands for nothing", async () => {
    const { contract, findings } = await look(
      exported(
        { name: "image", side: 64 },
        [
          { name: "boxes", dims: [1, 1, 5], data: [16, 16, 32, 32, 0.7] },
          { name: "labels", dims: [1, 1], data: [0], int64: true },
          { name: "masks", dims: [1, 1, 4, 4], data: new Float32Array(16) },
        ],
        info({ model_type: "MaskRCNN", labels: "otx_empty_lbl scratch dent" }),
      ),
    )
    expect(contract).toMatchObject({ task: "instance", decode: { type: "mmdet" } })
    expect(findings).toEqual([{ kind: "scratch", score: expect.closeTo(0.7, 5), box: [50, 25, 50, 25] }])
  })

  test("Model API: a map of raw distances, with one limit for the picture and another for its places", async () => {
    const map = sparse(
      [1, 1, 8, 8],
      [
        [[0, 0, 2, 3], 26],
        [[0, 0, 2, 4], 22],
        [[0, 0, 5, 5], 19],
      ],
    )
    const of = (limits: Record<string, string>) =>
      look(
        exported(
          { name: "input", side: 64 },
          [{ name: "output", dims: [1, 1, 8, 8], data: map }],
          info({ model_type: "AnomalyDetection", labels: "Normal Anomaly", ...limits }),
        ),
      )
    const seen = await of({ image_threshold: "24", pixel_threshold: "21", normalization_scale: "20" })
    expect(seen.contract).toMatchObject({
      task: "anomaly",
      decode: { type: "anomaly_map", raw: { score: 24, map: 21, span: 20 } },
    })
    expect(seen.contract.classes.map(({ verdict }) => verdict)).toEqual(["OK", "NG"])
    expect(seen.contract.inputs[0]?.scale).toBeCloseTo(1 / 255, 8)
    // (26 - 24) / 20 and (26 - 21) / 20 above one half.
    expect(seen.verdict).toMatchObject({ eval: "ng", score: expect.closeTo(0.6, 5) })
    expect(seen.findings).toEqual([
      { kind: "anomaly", score: expect.closeTo(0.75, 5), box: [75, 25, 50, 12.5] },
    ])
    const good = await of({ image_threshold: "30", pixel_threshold: "30", normalization_scale: "20" })
    expect(good.verdict).toMatchObject({ eval: "ok", score: expect.closeTo(0.3, 5) })
    // A scale that is none turns nothing round: an odd picture stays the odder one.
    for (const normalization_scale of ["-20", "0", "wide"]) {
      const odd = await of({ image_threshold: "24", pixel_threshold: "21", normalization_scale })
      expect(odd.verdict).toMatchObject({ eval: "ng", score: 1 })
    }
  })

  test("Hugging Face, timm and torchvision classifiers: one row of logits", async () => {
    const { source, verdict } = await look(
      exported({ name: "pixel_values", side: 32 }, [{ name: "logits", dims: [1, 4], data: [0, 1, 2, 3] }]),
    )
    expect(source).toBe("hugging-face")
    // Nobody has said yet which of the classes is the good one: every part is NG until an engineer does.
    expect(verdict.score).toBeCloseTo(1, 5)
  })

  test("torchvision's detectors: one picture without a batch, boxes as rows, a ground as class 0", async () => {
    const graph = createGraph("t/")
    graph.input("images", [3, 64, 64])
    const mean = graph.node("ReduceMean", ["images"], { keepdims: 0 })
    graph.f32("t/none", [], Float32Array.of(0))
    const nothing = graph.node("Mul", [mean, "t/none"])
    graph.f32("t/boxes", [2, 4], Float32Array.of(16, 24, 48, 40, 0, 0, 5, 5))
    graph.f32("t/labels", [2], Float32Array.of(3, 0))
    graph.f32("t/scores", [2], Float32Array.of(0.8, 0.9))
    graph.node("Add", ["t/boxes", nothing], {}, ["a"])
    graph.node("Cast", [graph.node("Add", ["t/labels", nothing])], { to: 7 }, ["b"])
    graph.node("Add", ["t/scores", nothing], {}, ["c"])
    graph.output("a", ["n", 4])
    graph.output("b", ["n"], "i64")
    graph.output("c", ["n"])
    const { source, contract, verdict, findings } = await look(graph.model(13))
    expect(source).toBe("torchvision")
    expect(contract.inputs[0]).toMatchObject({ layout: "CHW", mean: [0, 0, 0] })
    // The ground is sure of itself, and no defect.
    expect(findings).toEqual([{ kind: "class-3", score: expect.closeTo(0.8, 5), box: [50, 25, 100, 50] }])
    expect(verdict).toMatchObject({ eval: "ng", score: expect.closeTo(0.8, 5) })
  })

  test("segmentation: a map for each class, or one of what is wrong", async () => {
    const maps = sparse([1, 2, 8, 8], [[[0, 1, 4, 2], 5]])
    const several = await look(
      exported({ name: "input", side: 32 }, [{ name: "out", dims: [1, 2, 8, 8], data: maps }]),
    )
    expect(several.source).toBe("segmentation")
    expect(several.contract.classes.map(({ verdict }) => verdict)).toEqual(["OK", "NG"])
    expect(several.verdict.score).toBeCloseTo(0.9933, 3)
    const one = new Float32Array(64).fill(-5)
    one[8 * 4 + 2] = 3
    const alone = await look(
      exported({ name: "input", side: 32 }, [{ name: "out", dims: [1, 1, 8, 8], data: one }]),
    )
    expect(alone.findings).toEqual([
      { kind: "defect", score: expect.closeTo(0.9526, 3), box: [50, 50, 25, 12.5] },
    ])
  })

  test("a model nobody knows is refused with what to do, and one that answers NaN passes nothing", async () => {
    const strange = exported({ name: "x", side: 32 }, [
      { name: "y", dims: [3, 3, 3, 3], data: new Float32Array(81) },
    ])
    expect(recogniseModel(readOnnx(strange))).toBeUndefined()
    expect(stampModel(strange, "", undefined, "")).rejects.toThrow("describe it")
    expect(lookAtModel(strange)).toMatchObject({
      source: null,
      doubts: expect.arrayContaining(["unknown_form"]),
    })
    const dims = [1, 2]
    const broken = exported({ name: "pixel_values", side: 32 }, [
      { name: "logits", dims, data: [Number.NaN, 1] },
    ])
    expect(look(broken)).rejects.toMatchObject({ code: "nan_output" })
  })
})

describe("names of classes", () => {
  test("are read as Python writes them, and nothing else is", () => {
    expect(readNames("{0: 'ok', 1: \"it's\", 2: 'a\\'b'}")).toEqual(["ok", "it's", "a'b"])
    expect(readNames("['ok', 'ng']")).toEqual(["ok", "ng"])
    for (const text of [
      "",
      "{",
      "{0: __import__('os')}",
      "{0: 'a'} + 1",
      "{-1: 'a'}",
      "{99999999: 'a'}",
      "[1]",
    ])
      expect(readNames(text)).toBeUndefined()
  })

  test("come back whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 20 }), (texts) => {
        const quoted = texts.map((text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`)
        expect(readNames(`{${quoted.map((text, i) => `${i}: ${text}`).join(", ")}}`)).toEqual(texts)
        expect(readNames(`[${quoted.join(",")}]`)).toEqual(texts)
      }),
    )
  })

  test("become keys that the catalogue takes, each its own; good ones are OK", () => {
    expect(classesOf(["Good", "긁힘", "Scratch 1", "scratch-1", "양품"])).toEqual([
      { id: 0, key: "good", verdict: "OK" },
      { id: 1, key: "class-1", verdict: "NG" },
      { id: 2, key: "scratch-1", verdict: "NG" },
      { id: 3, key: "scratch-1-3", verdict: "NG" },
      { id: 4, key: "class-4", verdict: "OK" },
    ])
  })
})

test("of what lies on each other the surest stays, of every class", () => {
  const corner = fc.integer({ min: 0, max: 40 })
  const detection = fc
    .tuple(
      corner,
      corner,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(2),
      fc.nat(100),
    )
    .map(([x, y, w, h, cls, score]) => ({ corners: [x, y, x + w, y + h] as const, cls, score: score / 100 }))
  fc.assert(
    fc.property(fc.array(detection, { maxLength: 40 }), (found) => {
      const kept = suppress(found, 0.5)
      expect(kept.every((one) => found.includes(one))).toBe(true)
      const best = Math.max(...found.map(({ score }) => score))
      if (found.length > 0) expect(kept[0]!.score).toBe(best)
      expect(suppress(kept, 0.5).length).toBe(kept.length)
    }),
  )
})

describe("what may be opened", () => {
  const fine = exported({ name: "pixel_values", side: 32 }, [{ name: "logits", dims: [1, 2], data: [0, 1] }])
  test("one file of known operators", () => {
    expect(checkContents(fine).operators).toMatchObject({ ReduceMean: 1, Identity: 1 })
  })

  test("nothing with weights elsewhere, operators of others, or from the future", () => {
    const external = concat([textField(8, "w"), intField(1, 1), intField(2, 1), intField(14, 1)])
    const outside = concat([fine, bytesField(7, bytesField(5, external))])
    expect(() => checkContents(outside)).toThrow("one model, one file")
    const foreign = concat([fine, bytesField(8, concat([textField(1, "com.example"), intField(2, 1)]))])
    expect(() => checkContents(foreign)).toThrow("com.example")
    const future = concat([fine, bytesField(8, intField(2, 99))])
    expect(() => checkContents(future)).toThrow("newer")
    const python = createGraph("p/")
    python.input("x", [1, 3, 8, 8])
    python.node("PyOp", ["x"], {}, ["y"])
    python.output("y", [1])
    expect(() => checkContents(python.model(13))).toThrow("PyOp")
  })

  test("nor where that lies in the body of a loop, an attribute or a function", () => {
    expect(() => checkContents(hostile.reading())).toThrow("one model, one file")
    expect(() => checkContents(hostile.readingConstant())).toThrow("one model, one file")
    expect(() => checkContents(hostile.python())).toThrow("PyOp")
    expect(() => checkContents(hostile.foreign())).toThrow("com.example")
    const body = concat([textField(1, "f"), textField(10, "own"), bytesField(7, textField(4, "PyOp"))])
    expect(() => checkContents(concat([fine, bytesField(25, body)]))).toThrow("PyOp")
    const training = bytesField(1, bytesField(5, elsewhere("/etc/passwd")))
    expect(() => checkContents(concat([fine, bytesField(20, training)]))).toThrow("one model, one file")
  })

  test("nor what is made to exhaust whoever reads it", () => {
    expect(() => checkContents(hostile.deep())).toThrow("deep")
    expect(() => checkContents(hostile.huge())).toThrow("numbers")
    const many = createGraph("m/")
    many.input("x", [1, 3, 8, 8])
    for (let i = 0; i < 50_001; i++) many.node("Identity", ["x"])
    expect(() => checkContents(many.model(13))).toThrow("nodes")
  })

  test("and a file that is broken anywhere is refused, never a crash", () => {
    const whole = [fine, hostile.endless(), hostile.reading()]
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (bytes, flips, cut) => {
          const broken = bytes.slice(0, cut % 3 === 0 ? cut % bytes.length : bytes.length)
          for (const [at, value] of flips) if (broken.length > 0) broken[at % broken.length] = value
          try {
            lookAtModel(broken)
          } catch (error) {
            expect(error).toBeInstanceOf(ModelError)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
