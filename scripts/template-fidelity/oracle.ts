import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { rubyJson } from '../../director/templates/ruby-json.ts';
import type { FidelityCase } from './cases.ts';

export interface Oracle {
  ask(aCase: FidelityCase): Promise<{ bytes: Buffer } | { fault: string }>;
  close(): Promise<void>;
}

/** BOSH's own code in a native Ruby (oracle.rb). */
export function startOracle(ruby: string, boshLib: string): Oracle {
  const program = fileURLToPath(new URL('./oracle.rb', import.meta.url));
  const child = spawn(ruby, ['-EUTF-8', '-I', boshLib, program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async ({ specFile, sourceFile, filename, spec, provided }) => {
      const question = { spec_file: specFile, source_file: sourceFile, filename, spec, provided };
      child.stdin.write(`${rubyJson(question)}\n`);
      const next = await lines.next();
      if (next.done === true) throw new Error('the oracle has ended');
      const answer = JSON.parse(next.value) as { content?: string; line?: string; message?: string };
      if (answer.content !== undefined) return { bytes: Buffer.from(answer.content, 'base64') };
      return { fault: `line ${answer.line}: ${(answer.message ?? '').trim()}` };
    },
    close: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.stdin.end();
      }),
  };
}
