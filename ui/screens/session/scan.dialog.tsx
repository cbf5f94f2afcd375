import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { useWords } from "../../context.ts"
import { Dialog } from "../../parts/dialog.tsx"
import { Empty } from "../../parts/states.tsx"
import { type Detect, openDetector } from "./qr-detector.ts"

/** Looks this often; more would warm the tablet and read nothing sooner. */
const everyMs = 150

/** Reads a badge with the camera. Only pages with a trusted certificate get one. */
export function ScanDialog({ onCode, onClose }: { onCode: (code: string) => void; onClose: () => void }) {
  const words = useWords().tablet
  const video = useRef<HTMLVideoElement>(null)
  const failed = useSignal(false)
  useEffect(() => {
    let stream: MediaStream | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let gone = false
    const look = async (detect: Detect) => {
      const shown = video.current
      const code = shown && shown.readyState >= 2 ? await detect(shown).catch(() => undefined) : undefined
      if (gone) return
      if (code !== undefined) onCode(code)
      else timer = setTimeout(() => void look(detect), everyMs)
    }
    void (async () => {
      try {
        const asked = { video: { facingMode: "user", width: { ideal: 1280 } } }
        const [opened, detect] = await Promise.all([
          navigator.mediaDevices.getUserMedia(asked),
          openDetector(),
        ])
        stream = opened
        if (gone || !video.current) return stop()
        video.current.srcObject = opened
        await video.current.play()
        void look(detect)
      } catch (error) {
        console.info("camera", error)
        failed.value = true
      }
    })()
    function stop() {
      for (const track of stream?.getTracks() ?? []) track.stop()
    }
    return () => {
      gone = true
      clearTimeout(timer)
      stop()
    }
  }, [])
  return (
    <Dialog title={words.scanTitle} onClose={onClose}>
      {failed.value ? (
        <Empty icon="image" title={words.cameraFailed} body={words.cameraFailedBody} />
      ) : (
        <video ref={video} class="scan-video" muted playsInline aria-label={words.scanTitle} />
      )}
      <p class="muted">{words.scanHint}</p>
    </Dialog>
  )
}
