import { Device } from "#contract/fleet"
import { useApp } from "../../context.ts"
import { useResource } from "../../resource.ts"

/** What people call a station; one that is gone, or is no station of the hub's own, keeps its id. */
export function useStationName(): (id: string) => string {
  const { api } = useApp()
  const devices = useResource("devices", (s) => api.list("/api/devices", Device, s))
  return (id) => devices.data.value?.find((device) => device.id === id)?.name ?? id
}
