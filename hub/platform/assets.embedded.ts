/**
 * Asset name → path of the file inside the compiled binary. Null when running from source: the build puts the real
 * table in the place of this file.
 */
export const embeddedAssets: Readonly<Record<string, string>> | null = null
