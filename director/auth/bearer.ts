/** Longer ones no issuer makes; a header is limited to 16 KiB anyway. */
const charactersMax = 16_384;

/** The token of an Authorization header, or undefined. */
export function bearerTokenOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > charactersMax) return undefined;
  return /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header)?.[1];
}
