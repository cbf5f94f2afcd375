import type { DeskWords } from "../desk.ko.ts"

export const broker: DeskWords["broker"] = {
  title: "Message broker",
  reference: "Interfaces for other systems",
  kind: {
    embedded: "The hub is the broker itself.",
    external: "A broker of the plant carries the messages of hub and stations.",
  },
  away: "The hub is not connected to the broker and tries again. Stations keep their parts; nothing is lost. Check that the broker runs and that the network is up.",
  address: "Address",
  since: "Connected",
  awaySince: "Not connected since",
  sessions: "Stations connected",
  losses: "Connections lost since the start",
  accessRead: "The broker has read the list of stations",
  access: {
    read: () => "The broker knows every station as it is now.",
    waiting: (files) =>
      `The broker has not read its files again yet (${files}). A station enrolled just now cannot come in, and one removed just now may still be connected to the broker; the hub already ignores it. On the broker's machine run: systemctl reload mosquitto`,
    failed: (files) =>
      `The hub could not write the files for the broker (${files}). Stations enrolled or removed since are unknown to the broker; the hub itself already ignores the removed ones. Check the folder's rights and room.`,
  },
  probe: "Check of the broker",
  state: { ok: "Passed", warn: "Worth a look", failed: "Failed", skipped: "Not checked" },
  check: {
    connect: "The connection is encrypted",
    clock: "This machine's clock fits the broker's certificate",
    qos1: "Messages are acknowledged and delivered",
    retained: "The last message of a topic is kept",
    max_packet: "Messages of 8 MB pass",
    anonymous: "Nobody gets in without credentials",
    device_rights: "A station reaches its own topics and no others",
  },
}
