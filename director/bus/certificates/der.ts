/**
 * As much of DER as a certificate needs. Source: ITU-T X.690.
 * By hand, since an agent's certificate must cost well under a millisecond: the general ASN.1 libraries take four.
 */
const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tlv(tagByte: number, ...contents: Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tagByte, ...lengthBytes(length)]), ...contents]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  throw new Error(`${length} bytes are too many for one value of a certificate`);
}

export const sequence = (...items: Uint8Array[]) => tlv(tag.sequence, ...items);
export const set = (...items: Uint8Array[]) => tlv(tag.set, ...items);
export const octetString = (bytes: Uint8Array) => tlv(tag.octetString, bytes);
export const utf8String = (text: string) => tlv(tag.utf8String, Buffer.from(text));
export const boolean = (value: boolean) => tlv(tag.boolean, Buffer.from([value ? 0xff : 0]));
export const nothing = () => tlv(tag.null);

/** `[n]`, around a whole value (constructed) or in place of its tag (primitive). */
export const tagged = (n: number, form: 'constructed' | 'primitive', ...contents: Uint8Array[]) =>
  tlv((form === 'constructed' ? 0xa0 : 0x80) | n, ...contents);

/** An unsigned number, most significant byte first. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const shortest = bytes.subarray(start);
  const negative = ((shortest[0] ?? 0) & 0x80) !== 0; // as it would be read without a zero before it
  return tlv(tag.integer, ...(negative ? [Buffer.from([0]), shortest] : [shortest]));
}

/** `unusedBits` of the last byte do not count. */
export const bitString = (bytes: Uint8Array, unusedBits = 0) => tlv(tag.bitString, Buffer.from([unusedBits]), bytes);

/** From the dotted form. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return tlv(tag.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const bytes = [arc & 0x7f];
  for (let left = arc >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

/** To the second, UTC. Two-digit years up to 2049, as RFC 5280 4.1.2.5 demands. */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/[-:T]|\.\d+/g, ''); // YYYYMMDDhhmmssZ
  const short = Number(digits.slice(0, 4)) < 2050;
  return tlv(short ? tag.utcTime : tag.generalizedTime, Buffer.from(short ? digits.slice(2) : digits));
}

/** One value as it was read: `whole` with its tag and length, `content` without. */
export interface Value {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** The values that lie one after the other in `bytes`. @throws Error when they do not fill it exactly */
export function values(bytes: Buffer): Value[] {
  const found: Value[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = valueAt(bytes, at);
    found.push(value);
    at += value.whole.length;
  }
  return found;
}

function valueAt(bytes: Buffer, at: number): Value {
  const first = bytes.readUInt8(at + 1);
  const extra = first < 0x80 ? 0 : first & 0x7f;
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
  const begin = at + 2 + extra;
  if (begin + length > bytes.length) throw new Error('a DER value is longer than what holds it');
  return {
    tag: bytes.readUInt8(at),
    whole: bytes.subarray(at, begin + length),
    content: bytes.subarray(begin, begin + length),
  };
}
