import { InvalidManifest } from '../fault.ts';
import type { YamlMap, YamlValue } from '../value.ts';
import { generateCertificate } from './certificate.ts';
import { generateRsa, generateSsh } from './keys.ts';
import { OptionError } from './options.ts';
import { generatePassword } from './password.ts';

export interface Generation {
  /** For messages. */
  name: string;
  /** `password`, `certificate`, `rsa` or `ssh`. */
  type: string;
  options: YamlMap;
  now: Date;
  /** The certificate variable of this name: `{certificate, private_key}`; undefined when there is none. */
  authority: (name: string) => Promise<YamlValue | undefined>;
}

/**
 * Makes the value of a variable, as the bosh CLI and CredHub do. Keys are made off the event loop.
 * @throws InvalidManifest `variable-generation-failed`
 */
export async function generateValue(generation: Generation): Promise<YamlValue> {
  const { name, type, options } = generation;
  try {
    switch (type) {
      case 'password':
        return generatePassword(options);
      case 'rsa':
        return await generateRsa(options);
      case 'ssh':
        return await generateSsh(options);
      case 'certificate':
        return await generateCertificate(options, generation);
      default:
        throw new OptionError(`no value of type "${type}" can be made: password, certificate, rsa or ssh`);
    }
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const fault = { path: `variables.${name}`, message: error.message, boshCode: 540005 };
    throw new InvalidManifest('variable', [fault], { code: 'variable-generation-failed' });
  }
}
