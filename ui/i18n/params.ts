/** Figures the hub sends with a message key. */
export type Params = Record<string, string | number>
