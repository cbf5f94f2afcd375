/** What a parent may ask of an assist child. Paths are of files on this machine; both ends are this same program. */
export type BackboneFiles = { onnx: string; contract?: string | undefined }
export type AssistOperations = {
  /** Name of the space that a backbone's vectors lie in. */
  space: { ask: { backbone: BackboneFiles }; answer: string }
  embed: {
    ask: { backbone: BackboneFiles; bytes: Uint8Array }
    answer: { space: string; vector: Uint8Array }
  }
}
