import type { CameraConfig } from "../config.ts"
import { splitCredentials } from "../place.ts"
import type { StreamSource } from "./ffmpeg.ts"

export type StreamConfig = Extract<CameraConfig, { driver: "rtsp" | "v4l2" | "stream" }>
type Login = { user?: string | undefined; password?: string | undefined }

/** What ffmpeg is to read for a configured camera. `login` tells user and password for an address. */
export function streamSourceOf(config: StreamConfig, login: (url: string) => Login): StreamSource {
  const { fps, gray } = config
  const pace = { gray, ...(fps !== undefined && { fps }) }
  switch (config.driver) {
    case "rtsp": {
      const options = { rtsp_transport: config.transport }
      return { input: splitCredentials(config.url).url, ...login(config.url), options, ...pace }
    }
    case "v4l2": {
      // The device itself is asked for the pace: what it does not send need not be decoded.
      const options = {
        ...(config.size !== undefined && { video_size: config.size }),
        ...(config.pixels !== undefined && { input_format: config.pixels }),
        ...(fps !== undefined && { framerate: String(fps) }),
      }
      return { input: config.video, format: "v4l2", options, gray }
    }
    case "stream": {
      const { input, format, options } = config
      const address = URL.canParse(input)
      return {
        input: address ? splitCredentials(input).url : input,
        ...(address && login(input)),
        format,
        options,
        ...pace,
      }
    }
  }
}
