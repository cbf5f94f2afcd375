import { runInferWorker } from "#models/infer/worker"

runInferWorker()
