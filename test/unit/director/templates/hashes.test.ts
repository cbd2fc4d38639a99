import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { archiveEntries } from '../../../../director/templates/archive-entries.ts';
import { configurationHash, templateHashes } from '../../../../director/templates/hashes.ts';
import type { RenderedJob } from '../../../../director/templates/renderer.ts';

const job = (name: string, monit: string, files: Array<[source: string, destination: string, content: string]>) =>
  ({
    name,
    monit: Buffer.from(monit),
    files: files.map(([source, destination, content]) => ({ source, destination, content: Buffer.from(content) })),
  }) satisfies RenderedJob;

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

const web = job('web', 'MONIT', [
  ['z.erb', 'config/z', 'ZZ'],
  ['.bosh/links.json', '.bosh/links.json', '[]\n'],
  ['B.erb', 'config/b', 'BB'],
  ['a.erb', 'bin/a', 'AA'],
]);
const agent = job('agent', '', [['x', 'y', 'XY']]);

test('the configuration hash covers jobs by name and templates by source, with where they go', () => {
  const expected = 'agent' + 'XYy' + 'MONITweb' + '[]\n.bosh/links.json' + 'BBconfig/b' + 'AAbin/a' + 'ZZconfig/z';
  expect(configurationHash([web, agent])).toBe(sha1(expected));
  expect(configurationHash([agent, web])).toBe(sha1(expected));
});

test('the hash of a job alone leaves names out', () => {
  expect(templateHashes([web, agent])).toEqual({ web: sha1('MONIT[]\nBBAAZZ'), agent: sha1('XY') });
});

test('names are compared by their bytes', () => {
  const files = (sources: string[]) =>
    job(
      'j',
      '',
      sources.map((source) => [source, source, source]),
    );
  // U+FF5E is less than U+1F600 in UTF-8, and more in UTF-16.
  expect(templateHashes([files(['\u{1F600}', '\uFF5E'])])).toEqual({ j: sha1('\uFF5E\u{1F600}') });
});

test('the archive has a directory per job, with monit and each template where it belongs', () => {
  expect([...archiveEntries([agent, web])].map(({ path, mode }) => [path, mode])).toEqual([
    ['agent/monit', 0o644],
    ['agent/y', 0o644],
    ['web/monit', 0o644],
    ['web/config/z', 0o644],
    ['web/.bosh/links.json', 0o644],
    ['web/config/b', 0o644],
    ['web/bin/a', 0o644],
  ]);
});

test.each(['../other/bin/ctl', 'a/../../b', ''])('a destination that leads out of the job is refused: "%s"', (path) => {
  expect(() => [...archiveEntries([job('web', '', [['x', path, '']])])]).toThrow(
    expect.objectContaining({ code: 'template-path-unsafe' }),
  );
});
