/** Answers the text of a QR code in the picture, or nothing. */
export type Detect = (video: HTMLVideoElement) => Promise<string | undefined>

type Native = { detect(source: CanvasImageSource): Promise<{ rawValue: string }[]> }
type NativeClass = { new (options: { formats: string[] }): Native; getSupportedFormats(): Promise<string[]> }

/** The browser's own reader where there is one (Android); elsewhere a decoder that is fetched only now. */
export async function openDetector(): Promise<Detect> {
  const Native = (globalThis as { BarcodeDetector?: NativeClass }).BarcodeDetector
  if (Native && (await Native.getSupportedFormats()).includes("qr_code")) {
    const native = new Native({ formats: ["qr_code"] })
    return async (video) => (await native.detect(video))[0]?.rawValue
  }
  const { decodeQR } = await import("qr/decode.js")
  const canvas = new OffscreenCanvas(1, 1)
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  return async (video) => {
    if (!pen) return undefined
    // A badge fills much of the picture; more pixels make it slower and not surer.
    const scale = Math.min(1, 640 / Math.max(1, video.videoWidth))
    canvas.width = Math.max(1, Math.round(video.videoWidth * scale))
    canvas.height = Math.max(1, Math.round(video.videoHeight * scale))
    pen.drawImage(video, 0, 0, canvas.width, canvas.height)
    try {
      return decodeQR(pen.getImageData(0, 0, canvas.width, canvas.height))
    } catch {
      // That is how this decoder says that there is no code in the picture.
      return undefined
    }
  }
}
