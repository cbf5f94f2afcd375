import type { BackboneContract } from "#contract/model"

/** A MobileNetV2 (ImageNet) export with feature taps, recognised by its hash. */
export const mobilenetSha256 = "9af741ae5cd3512e0bda696e36e0963c3d4b654d4a43e876e1e9a24d7ccf0f28"

export const mobilenetContract: BackboneContract = {
  v: 1,
  name: "mobilenetv2-imagenet",
  input: { name: "image", color: "RGB", mean: [127, 127, 127], std: [127.5, 127.5, 127.5] },
  taps: {
    s4: { tensor: "s4", stride: 4, channels: 24 },
    s8: { tensor: "s8", stride: 8, channels: 32 },
    s16: { tensor: "s16", stride: 16, channels: 96 },
    s32: { tensor: "s32", stride: 32, channels: 320 },
  },
  licence: "Apache-2.0",
}
