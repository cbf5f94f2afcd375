import { runInferWorker } from "#models/infer/worker"

await runInferWorker()
process.exit(0)
