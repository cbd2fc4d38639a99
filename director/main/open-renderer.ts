import { join } from 'node:path';
import { systemClock } from '../../common/clock.ts';
import type { Log } from '../../common/log.ts';
import type { DirectorConfig } from '../config.ts';
import { nativeRenderer } from '../templates/native.ts';
import type { TemplateRenderer } from '../templates/renderer.ts';
import { rubyMemoryMibMax, sandboxRenderer } from '../templates/sandbox/sandbox.ts';

export function openRenderer({ templates, stateDirectory }: DirectorConfig, log: Log): TemplateRenderer {
  const limits = {
    lanesMax: templates.workers,
    pendingMax: 10_000,
    idleMs: 60_000,
    renderMsMax: templates.timeoutSeconds * 1000,
    outputBytesMax: 64 * 1024 ** 2,
    memoryMibMax: rubyMemoryMibMax,
  };
  const deps = { clock: systemClock, log };
  if (templates.engine === 'native') return nativeRenderer({ ...limits, ruby: templates.ruby }, deps);
  return sandboxRenderer({ ...limits, cacheDir: join(stateDirectory, 'cache') }, deps);
}
