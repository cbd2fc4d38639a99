import type { CommandSpec } from '../command.ts';
import { Refused } from '../director-client.ts';
import { CliError } from '../failure.ts';
import { fileText } from '../template.ts';

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

export const curlCommands: readonly CommandSpec[] = [
  {
    name: 'curl',
    text: 'Make an HTTP request to the Director',
    args: [{ name: 'PATH' }],
    flags: [
      { name: 'method', short: 'X', value: 'METHOD', text: 'HTTP method' },
      { name: 'header', short: 'H', value: 'HEADER', many: true, text: "HTTP header in 'name: value' format" },
      { name: 'body', value: 'PATH', text: 'HTTP request body (path)' },
      { name: 'show-headers', short: 'i', text: 'Show HTTP headers' },
    ],
    run: async (context, given) => {
      const client = await context.session.director();
      const method = methods.find((each) => each === (given.text('method') || 'GET'));
      if (method === undefined) throw new CliError(`Unknown method '${given.text('method')}'`);
      const headers = Object.fromEntries(given.list('header').map(header));
      if (method === 'DELETE' && given.on('header')) throw new CliError('Expected no headers');
      const body = given.on('body') ? { body: await fileText(context, given.text('body')) } : {};
      const path = given.arg(0);
      const answer = await client.attempt({ method, path, headers, ...body });
      if (given.on('show-headers')) {
        const shown = Object.entries(answer.headers).map(([name, value]) => `${canonical(name)}: ${String(value)}\r\n`);
        context.ui.block(`HTTP/1.1 ${answer.status} ${answer.reason}\r\n${shown.join('')}\r\n`);
      }
      context.ui.block(answer.bytes);
      if (answer.status < 200 || answer.status > 299) throw new CliError('Executing HTTP request', new Refused(answer));
    },
  },
];

function header(text: string): [string, string] {
  const [, name = '', value = ''] = /^([^:]+): (.*)$/s.exec(text) ?? [];
  if (name === '') throw new CliError(`Expected header '${text}' to be in format 'name: value'`);
  return [name.trim(), value.trim()];
}

const canonical = (name: string) => name.replace(/(^|-)([a-z])/g, (letters) => letters.toUpperCase());
