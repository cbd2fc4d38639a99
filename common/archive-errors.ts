import { OperatorError } from './errors.ts';

// What can be wrong with an archive. Each code has a section in docs/operators/errors.md.

export function unsafePath(what: string, path: string, why: string): OperatorError {
  return new OperatorError(`${what}: refused to unpack "${path}": ${why}`, {
    code: 'archive-unsafe-path',
    hint: 'Such an entry could write outside of its directory. Make the archive anew, with relative paths only.',
    details: { what, path, why },
  });
}

export function malformed(what: string, why: string, cause?: unknown): OperatorError {
  return new OperatorError(`${what} is not a readable tar archive: ${why}`, {
    code: 'archive-malformed',
    hint: 'The file was damaged, or it is no .tgz. Check it with tar -tf, and fetch it again.',
    details: { what, why },
    cause,
  });
}

export function cutShort(what: string, bytes: number, cause?: unknown): OperatorError {
  return new OperatorError(`${what} ends in the middle, after ${bytes} bytes of its content`, {
    code: 'archive-cut-short',
    hint: 'The transfer or the disk ended early. Fetch the file again.',
    details: { what, bytes },
    cause,
  });
}

export function tooManyEntries(what: string, entriesMax: number): OperatorError {
  return new OperatorError(`${what} holds more than ${entriesMax} entries`, {
    code: 'archive-too-many-entries',
    hint: 'Pack the many small files into an archive inside of this one.',
    details: { what, entriesMax },
  });
}

export function entryTooLarge(what: string, path: string, bytes: number, bytesMax: number): OperatorError {
  return new OperatorError(`${what}: "${path}" has ${bytes} bytes, more than the ${bytesMax} that are allowed`, {
    code: 'archive-too-large',
    hint: 'Split it, or leave out what is not needed.',
    details: { what, path, bytes, bytesMax },
  });
}

export function totalTooLarge(what: string, bytesMax: number): OperatorError {
  return new OperatorError(`${what} has more than ${bytesMax} bytes when it is unpacked`, {
    code: 'archive-too-large',
    hint: 'Leave out what is not needed, or split it.',
    details: { what, bytesMax },
  });
}
