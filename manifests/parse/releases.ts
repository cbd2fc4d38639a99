import type { ReleaseReference, StemcellReference } from '../deployment-manifest.ts';
import { refuseDuplicates } from './duplicates.ts';
import { boshCodes, type Section } from './section.ts';

const codes = {
  ambiguousReleases: 190001,
  repeatedRelease: 190002,
  repeatedAlias: 50005,
  noStemcells: 190019,
} as const;

/** `releases`, or the single `release` of older manifests. Source: deployment_spec_parser.rb. */
export function parseReleases(root: Section): ReleaseReference[] {
  if (root.has('release') && root.has('releases')) {
    root.fault('release', {
      message: 'the manifest has either "release" or "releases", not both',
      boshCode: codes.ambiguousReleases,
      suggestion: 'put the release into "releases"',
    });
  }
  // Both are read, so that the jobs' references are judged against all that the author wrote.
  const single = root.has('release') ? [root.section('release')] : [];
  const sections = [
    ...single,
    ...(root.has('release') ? root.optionalSections('releases') : root.sections('releases')),
  ];
  const releases = sections.map(parseRelease);
  refuseDuplicates(
    sections.map((section, i) => ({ section, name: releases[i]?.name ?? '' })),
    { boshCode: codes.repeatedRelease, what: 'release' },
  );
  return releases;
}

/** One entry of `releases`, of a manifest or a runtime config. */
export function parseRelease(release: Section): ReleaseReference {
  release.knows(['name', 'version', 'exported_from', 'url', 'sha1', 'stemcell']);
  return {
    name: release.text('name'),
    version: release.text('version'),
    exportedFrom: release.optionalSections('exported_from').map((from) => {
      from.knows(['os', 'version']);
      return { os: from.text('os'), version: from.text('version') };
    }),
    url: optionalLoose(release, 'url'),
    sha1: optionalLoose(release, 'sha1'),
  };
}

/** Only the CLI reads these; a director takes whatever is there. */
function optionalLoose(section: Section, key: string): string | null {
  const value = section.raw(key);
  return typeof value === 'string' ? value : null;
}

export function parseStemcells(root: Section): StemcellReference[] {
  const sections = root.optionalSections('stemcells');
  if (sections.length === 0) {
    root.fault(root.has('stemcells') ? 'stemcells' : null, {
      message: '"stemcells" is missing or empty; every instance group needs one',
      boshCode: codes.noStemcells,
      suggestion: 'add {alias: default, os: ubuntu-jammy, version: latest}',
    });
  }
  const stemcells = sections.map(parseStemcell);
  refuseDuplicates(
    sections.map((section, i) => ({ section, name: stemcells[i]?.alias ?? '' })),
    { boshCode: codes.repeatedAlias, what: 'stemcell alias', key: 'alias' },
  );
  return stemcells;
}

function parseStemcell(stemcell: Section): StemcellReference {
  stemcell.knows(['alias', 'os', 'name', 'version']);
  const os = stemcell.optionalText('os');
  const name = stemcell.optionalText('name');
  if (os === null && name === null) {
    stemcell.fault(null, { message: 'a stemcell needs "os" or "name"', boshCode: boshCodes.missing });
  }
  return { alias: stemcell.text('alias'), os, name, version: stemcell.text('version') };
}
