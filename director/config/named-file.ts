import { readFile } from 'node:fs/promises';
import { messageOf, OperatorError } from '../../common/errors.ts';

/** The text of a file that the config file names under `key`. @throws OperatorError `certificate-file-unreadable` */
export async function namedPem(key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new OperatorError(`${key}: the file ${path} can't be read: ${messageOf(thrown)}`, {
      code: 'certificate-file-unreadable',
      hint: `Correct "${key}" in the config file, or put the file there, readable for the director.`,
      details: { key, path },
      cause: thrown,
    });
  }
}
