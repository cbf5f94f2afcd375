import type { Words } from "../ko.ts"

export const broker: Words["broker"] = {
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

export const arrivals: Words["arrivals"] = {
  lost: (count) => `${count} parts did not arrive · cause unknown`,
  recordsShed: (count) => `${count} records given up at the station for lack of room`,
  picturesShed: (count) => `${count} pictures given up at the station for lack of room`,
  refused: (count) => `${count} messages the hub did not take`,
  disk: (free, total) => `Hub disk: ${free} of ${total} free`,
  level: {
    tight: "Room is short. Pictures of OK parts wait at the stations. Nothing is lost. Please tell an admin.",
    low: "There is hardly any room. All pictures wait at the stations, only records are taken. Nothing is lost. Please tell an admin.",
    full: "The disk is full. The stations keep everything. Nothing is lost. Please tell an admin now.",
  },
  tightIn: (time) => `At this pace room will be short in ${time}.`,
  waiting: (count) => `Pictures waiting at the stations for room: ${count}.`,
  evicted: (count, size) =>
    `Judged pictures deleted to make room: ${count} (${size}). Their records and labels are kept.`,
  refusals: "Messages the hub did not take",
  refusalsAside: "The sender was told the same reason",
  why: {
    frame: "The inspection message has the wrong form",
    frame_codec: "It was sent in a form that is not known",
    frame_header: "The header of the message is too long",
    segment: "The pieces of a long message do not fit",
    digest: "The picture was damaged on its way",
    image: "The picture is not what was announced, or is none",
    pixels: "The picture has too many pixels",
    conflict: "Another inspection is stored under this id",
    sequence: "Another inspection is stored at this place in the sequence",
    schema: "The message does not say what was agreed",
    too_long: "The message is too long",
  },
  whyOther: "This message could not be taken",
  noPicture: {
    evicted:
      "After it was judged, the picture was deleted to make room on the disk. The record and the labels are kept.",
    waiting: "The picture is at the station. It comes when the hub's disk has room.",
    disk_full: "The station's disk was full; it could not keep the picture.",
    unfinished_image: "The station lost power while it stored the picture.",
    lost_image: "The picture file was damaged at the station.",
    encoder_busy: "The line was too fast to store the picture.",
    over_packet: "The picture is larger than can be sent.",
  },
  noPictureOther: "The station gave the picture up for lack of room.",
  hold: "Keep pictures",
  held: "Kept",
  holdReason: "Why to keep them",
  holdHint: "Pictures that are kept are not deleted, even when the disk is full.",
  release: "Stop keeping",
}
