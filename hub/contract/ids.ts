import * as v from "valibot"

/** UUID in canonical lower-case form; ours are version 7 (time-ordered). RFC 9562. */
export const Uuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, "not a UUID"),
)

/** SHA-256 as 64 lower-case hex digits: the name of every stored object. */
export const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hex"))

/** Device id = MQTT client id = user name; no wildcard, slash or upper case, so it is safe in a topic. */
export const DeviceId = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "not a device id"))

/** Short machine name: product, recipe, reason code. */
export const Key = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, "not a key"))

/** Defect class key as the catalogue knows it. `unknown` is reserved: abnormal, but no known kind. */
export const DefectKey = Key

/** Random per edge process start; with `seq` it makes gaps visible. */
export const BootId = v.pipe(v.string(), v.regex(/^[a-z0-9]{8,32}$/, "not a boot id"))

/** Milliseconds since 1970, UTC. */
export const Instant = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8_640_000_000_000_000))

/** There was no hub before: a clock that shows an earlier time has lost its battery. Raised with releases. */
export const firstHub = Date.UTC(2026, 9, 1)

export const ByteSize = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 40))
export const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** A part of a whole, 0..1. */
export const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

/** A number that is one: JSON's 1e999 reads as infinity. */
export const Finite = v.pipe(v.number(), v.finite())
