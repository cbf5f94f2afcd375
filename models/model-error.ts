/**
 * Why an image, a model or a training job could not be processed. The code is machine-readable and ends up
 * in `Verdict.code`; the message is for engineers and logs.
 */
export type ModelErrorCode =
  | "unreadable_image"
  | "unsupported_image"
  | "model_invalid"
  | "model_crashed"
  | "model_timeout"
  | "model_memory"
  | "model_missing"
  | "nan_output"
  | "backbone_invalid"
  | "training_invalid"

export class ModelError extends Error {
  override readonly name = "ModelError"
  readonly code: ModelErrorCode

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The code of any thrown value; what is not a `ModelError` counts as a crash of the model process. */
export function codeOf(error: unknown): ModelErrorCode {
  return error instanceof ModelError ? error.code : "model_crashed"
}
