import * as v from "valibot"

const Host = v.pipe(v.string(), v.minLength(1), v.maxLength(253))
/** 0 lets the system choose, for tests. */
const Port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535))

const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const Hourly = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))

const field = <S extends v.GenericSchema>(schema: S, title: string, description: string) =>
  v.pipe(schema, v.title(title), v.description(description))

/** Every setting of a hub, two levels deep. A leaf becomes a flag, an environment variable and a key in the file. */
export const HubConfig = v.strictObject({
  data: v.optional(
    field(
      v.pipe(v.string(), v.minLength(1)),
      "Data folder",
      "Database, images, keys and backups of this hub.",
    ),
    "data",
  ),
  public_host: v.optional(
    field(Host, "Host name for devices", "Name or address that stations and tablets reach this hub by."),
    "127.0.0.1",
  ),
  log_level: v.optional(
    field(v.picklist(["debug", "info", "warn", "error"]), "Log level", "Least level that is written."),
    "info",
  ),
  http: v.optional(
    v.strictObject({
      host: v.optional(
        field(Host, "HTTP address", "Address the screens and the API listen on."),
        "127.0.0.1",
      ),
      tls_in_front: v.optional(
        field(
          v.boolean(),
          "TLS in front",
          "True when browsers reach the hub over TLS through a proxy: cookies are then bound to it.",
        ),
        false,
      ),
      port: v.optional(field(Port, "HTTP port", "Port of the screens and the API."), 8080),
      tls: v.optional(
        field(
          v.boolean(),
          "HTTPS",
          "Serve the screens and the API over TLS, with the hub's own certificate or the site's.",
        ),
        false,
      ),
    }),
    {},
  ),
  mqtt: v.optional(
    v.strictObject({
      host: v.optional(field(Host, "MQTT address", "Address the broker listens on with TLS."), "127.0.0.1"),
      tls_port: v.optional(
        field(
          Port,
          "MQTT port",
          "Port of the broker with TLS 1.3; with mqtt.port 0 the system chooses it too.",
        ),
        8883,
      ),
      port: v.optional(field(Port, "MQTT port without TLS", "Port of the broker without encryption."), 1883),
      plain: v.optional(
        field(
          v.picklist(["off", "loopback", "network-unencrypted"]),
          "MQTT without TLS",
          "Who reaches the port without encryption: nobody, programs on this machine, or the whole network - where anyone can then read passwords and pictures and pose as a station.",
        ),
        "loopback",
      ),
      max_connections: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
          "MQTT connections",
          "Most connections at one time.",
        ),
        4096,
      ),
      max_connections_per_address: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
          "MQTT connections per address",
          "Most connections at one time from one address.",
        ),
        512,
      ),
      max_connects_per_second: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
          "MQTT connects per second",
          "New connections per second from one address; five times as many at once.",
        ),
        200,
      ),
      readers: v.optional(
        field(
          v.string(),
          "Readers",
          "File of lines name:password: who may read results (uns/#, spBv1.0/#) at the hub's own broker.",
        ),
        "",
      ),
    }),
    {},
  ),
  broker: v.optional(
    v.strictObject({
      url: v.optional(
        field(
          v.string(),
          "Broker of the plant",
          "mqtts://HOST[:PORT] of an existing broker to use instead of the hub's own.",
        ),
        "",
      ),
      credentials: v.optional(
        field(
          v.string(),
          "Broker credentials",
          "File with one line name:password of the hub at that broker.",
        ),
        "",
      ),
      ca: v.optional(
        field(
          v.string(),
          "Broker authority",
          "File (PEM) with the authority that signed the broker's certificate.",
        ),
        "",
      ),
      cert: v.optional(
        field(v.string(), "Client certificate", "File (PEM) with the hub's own certificate for that broker."),
        "",
      ),
      key: v.optional(field(v.string(), "Client key", "File (PEM) with the key of that certificate."), ""),
      device_url: v.optional(
        field(
          v.string(),
          "Broker for stations",
          "Address stations reach the broker by, when it is another one.",
        ),
        "",
      ),
      passwords: v.optional(
        field(
          v.string(),
          "Password file",
          "Password file of that broker (mosquitto's format) in which the hub keeps the stations.",
        ),
        "",
      ),
      reload: v.optional(
        field(
          v.string(),
          "Reload command",
          "Command that makes that broker read its files again, run after each change; no shell, words apart by blanks.",
        ),
        "",
      ),
      certificate_url: v.optional(
        field(
          v.string(),
          "Broker for certificates",
          "mqtts://HOST:PORT where that broker asks stations for a certificate instead of a secret.",
        ),
        "",
      ),
      certificates: v.optional(
        field(
          v.string(),
          "Folder for certificates",
          "Where the hub keeps its authority (hub-ca.pem) and the revoked certificates (revoked.pem) for that broker.",
        ),
        "",
      ),
      probe: v.optional(
        field(
          v.string(),
          "Probe credentials",
          "File with one line name:password of a device whose rights are checked at start.",
        ),
        "",
      ),
    }),
    {},
  ),
  uns: v.optional(
    v.strictObject({
      path: v.optional(
        field(
          v.string(),
          "Unified namespace",
          "Mirror results below this topic, e.g. uns/acme/ulsan/press/{line}/vision/{device}; empty: off.",
        ),
        "",
      ),
    }),
    {},
  ),
  drop_folder: v.optional(
    field(
      v.string(),
      "Drop folder",
      "Where cameras that write files leave them, one folder per source; empty: `drop` in the data folder.",
    ),
    "",
  ),
  sparkplug: v.optional(
    v.strictObject({
      group: v.optional(
        field(v.string(), "Sparkplug group", "Publish results as Sparkplug B in this group; empty: off."),
        "",
      ),
      node: v.optional(
        field(v.string(), "Sparkplug node", "Name of the hub as a Sparkplug edge node."),
        "crux",
      ),
      host: v.optional(
        field(
          v.string(),
          "Sparkplug primary host",
          "Host id whose STATE is waited for: results are published only while it is online; empty: always.",
        ),
        "",
      ),
      credentials: v.optional(
        field(
          v.string(),
          "Sparkplug credentials",
          "File with one line name:password for the connection of its own at the broker of the plant.",
        ),
        "",
      ),
    }),
    {},
  ),
  tls: v.optional(
    v.strictObject({
      certificate: v.optional(
        field(
          v.string(),
          "Own certificate",
          "PEM file with a certificate for the hub's name, instead of one from the hub's own authority.",
        ),
        "",
      ),
      key: v.optional(field(v.string(), "Own key", "PEM file with the private key of tls.certificate."), ""),
      ca: v.optional(
        field(
          v.string(),
          "Own authority",
          "PEM file of the authority that signed tls.certificate; stations pin it.",
        ),
        "",
      ),
    }),
    {},
  ),
  backbone: v.optional(
    field(v.string(), "Backbone", "Another frozen feature extractor for the trainer (ONNX file)."),
    "",
  ),
  auto_train: v.optional(
    v.strictObject({
      enabled: v.optional(
        field(v.boolean(), "Automatic training", "Train by itself when enough new labels have come in."),
        true,
      ),
      min_new_labels: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
          "New labels per training",
          "How many new labels start a training.",
        ),
        20,
      ),
      new_kind_labels: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
          "Labels of a new kind",
          "How many labels of a kind that the model does not know start a training.",
        ),
        6,
      ),
    }),
    {},
  ),
  trainers: v.optional(
    v.strictObject({
      lease_seconds: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(3600)),
          "Lease of trainers",
          "Seconds a trainer keeps a job without a word; after twice as long the job goes on with another.",
        ),
        60,
      ),
    }),
    {},
  ),
  assist: v.optional(
    v.strictObject({
      similar: v.optional(
        field(
          v.boolean(),
          "Similar parts",
          "Look at every picture in the background, so that parts that look alike are found.",
        ),
        true,
      ),
      blind_share: v.optional(
        field(
          Share,
          "Parts without help",
          "Share of parts that people judge without any suggestion, to learn what suggestions are worth.",
        ),
        0.05,
      ),
      encoded_mb: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(1_000_000)),
          "Encoded pictures",
          "Megabytes that pictures made ready for outlines may take; the longest unused go first.",
        ),
        512,
      ),
    }),
    {},
  ),
  gate: v.optional(
    v.strictObject({
      max_escape: v.optional(
        field(
          Share,
          "Escapes",
          "Upper 95 % bound on NG parts passed as OK that the gate allows, as a share.",
        ),
        0.15,
      ),
      max_overkill: v.optional(
        field(Share, "Overkill", "Upper 95 % bound on OK parts rejected that the gate allows, as a share."),
        0.2,
      ),
      max_undecidable: v.optional(
        field(Share, "Undecidable", "Share of golden parts that a model may leave to people."),
        0.5,
      ),
      max_p99_ms: v.optional(
        field(
          v.pipe(v.number(), v.minValue(1), v.maxValue(60_000)),
          "Time per part",
          "Milliseconds that 99 of 100 golden parts may take in one process of the hub.",
        ),
        1500,
      ),
    }),
    {},
  ),
  sampling: v.optional(
    v.strictObject({
      audit: v.optional(
        field(Share, "Audit share", "Share of parts called OK that stations send for a person to check."),
        0.05,
      ),
      image_ok: v.optional(
        field(
          v.picklist(["full", "thumb", "none"]),
          "Pictures of OK parts",
          "What stations send of parts called OK that are not audited.",
        ),
        "thumb",
      ),
      image_ng: v.optional(
        field(
          v.picklist(["full", "thumb", "none"]),
          "Pictures of NG parts",
          "What stations send of NG parts; undecidable ones always go whole, people have to see them.",
        ),
        "full",
      ),
      unsure_margin: v.optional(
        field(Share, "Unsure margin", "Parts decided with a score this close to a threshold are sent whole."),
        0,
      ),
      hourly_ok: v.optional(
        field(Hourly, "OK pictures per hour", "Pictures of OK parts a station sends in any hour at most."),
        1_000_000,
      ),
      hourly_audit: v.optional(
        field(Hourly, "Audit pictures per hour", "Audited pictures a station sends in any hour at most."),
        1_000_000,
      ),
      hourly_unsure: v.optional(
        field(
          Hourly,
          "Unsure pictures per hour",
          "Pictures near a threshold a station sends in any hour at most.",
        ),
        1_000_000,
      ),
      hourly_disagreement: v.optional(
        field(
          Hourly,
          "Disagreement pictures per hour",
          "Pictures of parts the shadow model calls otherwise a station sends in any hour at most.",
        ),
        1_000_000,
      ),
      hourly_ng: v.optional(
        field(Hourly, "NG pictures per hour", "NG pictures a station sends in any hour at most."),
        1_000_000,
      ),
      hourly_undecidable: v.optional(
        field(
          Hourly,
          "Undecidable pictures per hour",
          "Undecidable pictures a station sends in any hour at most; records without a picture wait for nobody.",
        ),
        1_000_000,
      ),
    }),
    {},
  ),
  storage: v.optional(
    v.strictObject({
      tight_share: v.optional(
        field(
          Share,
          "Disk is tight",
          "Share of the disk that is free when pictures of OK parts begin to wait at the stations.",
        ),
        0.1,
      ),
      low_share: v.optional(
        field(
          Share,
          "Disk is low",
          "Share of the disk that is free when all pictures wait at the stations and only records are taken.",
        ),
        0.03,
      ),
    }),
    {},
  ),
  outbound: v.optional(
    v.strictObject({
      allow: v.optional(
        field(
          v.string(),
          "Hosts the hub may ask",
          "Hosts, addresses and networks (10.0.0.0/8), parted by commas, that the hub may send webhooks to, fetch pictures from and ask models of. Empty: none.",
        ),
        "",
      ),
    }),
    {},
  ),
  rollout: v.optional(
    v.strictObject({
      probation_parts: v.optional(
        field(
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
          "Parts of probation",
          "Parts a station inspects with a new model before it keeps it.",
        ),
        50,
      ),
      probation_minutes: v.optional(
        field(
          v.pipe(v.number(), v.minValue(0.05), v.maxValue(10_000)),
          "Minutes of probation",
          "Longest probation on a line with few parts.",
        ),
        10,
      ),
      max_ng_shift: v.optional(
        field(
          Share,
          "NG shift in probation",
          "Change of the NG share, beyond sampling noise, at which a station goes back.",
        ),
        0.3,
      ),
      return_on_halt: v.optional(
        field(
          v.boolean(),
          "Return after a halt",
          "Put stations back to what they ran before when a rollout halts.",
        ),
        true,
      ),
    }),
    {},
  ),
})
export type HubConfig = v.InferOutput<typeof HubConfig>
