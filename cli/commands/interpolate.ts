import type { CommandSpec } from '../command.ts';
import { withSortedKeys } from '../sorted-keys.ts';
import { evaluate, templateFlags } from '../template.ts';

export const interpolateCommands: readonly CommandSpec[] = [
  {
    name: 'interpolate',
    aliases: ['int'],
    text: 'Interpolates variables into a manifest',
    args: [{ name: 'PATH' }],
    flags: [
      ...templateFlags,
      { name: 'path', value: 'OP-PATH', text: 'Extract value out of template (e.g.: /private_key)' },
      { name: 'var-errs', text: 'Expect all variables to be found, otherwise error' },
      { name: 'var-errs-unused', text: 'Expect all variables to be used, otherwise error' },
    ],
    run: async (context, given) => {
      const options = { expectAll: given.on('var-errs'), expectUsed: given.on('var-errs-unused') };
      const value = withSortedKeys(await evaluate(context, given.arg(0), given, options));
      const { goYaml } = await import('../../releases/go-yaml.ts'); // scripts compare with what bosh writes
      if (!given.on('path')) return context.ui.block(goYaml(value));
      const { valueAt } = await import('../../manifests/ops.ts');
      const part = valueAt(value, given.text('path'));
      // a key or a certificate is asked for to be used, not to be read as YAML
      context.ui.block(typeof part === 'string' ? `${part}\n` : goYaml(part));
    },
  },
];
