/** Vectors that a server cannot pass, each with its reason. A case that passes may not stand here. */
export const exceptions: Readonly<Record<string, string>> = {};
