/** A machine the binary is made for. glibc ≥ 2.28; the native packages have no musl build of ONNX Runtime. */
export type Target = {
  /** Name in file names, as npm spells it. */
  readonly name: "linux-x64" | "linux-arm64"
  readonly arch: "x64" | "arm64"
  readonly bun: "bun-linux-x64" | "bun-linux-arm64"
  /** Package of Bun's own executable for this machine. */
  readonly bunPackage: "@oven/bun-linux-x64" | "@oven/bun-linux-aarch64"
  readonly outfile: string
  /** e_machine of the ELF header. */
  readonly elfMachine: number
}

export const targets: readonly Target[] = [
  {
    name: "linux-x64",
    arch: "x64",
    bun: "bun-linux-x64",
    bunPackage: "@oven/bun-linux-x64",
    outfile: "dist/crux",
    elfMachine: 0x3e,
  },
  {
    name: "linux-arm64",
    arch: "arm64",
    bun: "bun-linux-arm64",
    bunPackage: "@oven/bun-linux-aarch64",
    outfile: "dist/crux-linux-arm64",
    elfMachine: 0xb7,
  },
]
