import { answerParent } from "#models/infer/answerer"
import { openAsset } from "#platform/assets"
import type { PrintOperations } from "../../msa/report-pdf.ts"
import { parseCommandArgs } from "../args.ts"
import type { Command } from "../command.ts"

export const printWorker: Command = {
  summary: "print reports for the hub",
  usage: "usage: crux worker print",
  run: async (args) => {
    parseCommandArgs("worker", args, {}, [])
    const { reportPdf } = await import("../../msa/report-pdf.ts")
    const font = async (name: string) => {
      const bytes = await openAsset(`fonts/${name}`)
      if (!bytes) throw new Error(`the font ${name} is not shipped with this program`)
      return bytes
    }
    const fonts = {
      regular: await font("Pretendard-Regular.otf"),
      bold: await font("Pretendard-Bold.otf"),
    }
    await answerParent<PrintOperations>("print", async (ask) => ({ pdf: await reportPdf(ask, fonts) }))
  },
}
