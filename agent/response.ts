import { messageBytesMax, type AgentException, type Response } from './protocol.ts';

const cut = '\n...[truncated]...\n';

/**
 * A response as bytes, never more than the bus carries. Of an exception that is too long the middle is left out
 * (the cause stands at its end); a value that is too long becomes an exception, since half a value is a lie.
 */
export function encodeResponse(response: Response, bytesMax = messageBytesMax): Uint8Array {
  const bytes = encode(response);
  if (bytes.length <= bytesMax) return bytes;
  if ('value' in response) {
    return encode({ exception: { message: `the response has ${bytes.length} bytes, the most is ${bytesMax}` } });
  }
  return encodeShortened(response.exception, bytesMax);
}

/** Halves what is kept until it fits: JSON makes an unknown number of bytes of a character, 12 at most. */
function encodeShortened({ message, blobstore_id }: AgentException, bytesMax: number): Uint8Array {
  for (let keep = Math.floor(bytesMax / 2); keep > 0; keep = Math.floor(keep / 2)) {
    const shortened = `${message.slice(0, keep / 2)}${cut}${message.slice(-keep / 2)}`;
    const bytes = encode({
      exception: { message: shortened, ...(blobstore_id === undefined ? {} : { blobstore_id }) },
    });
    if (bytes.length <= bytesMax) return bytes;
  }
  return encode({ exception: { message: 'the response is too long' } });
}

function encode(response: Response): Uint8Array {
  return Buffer.from(JSON.stringify(response));
}
