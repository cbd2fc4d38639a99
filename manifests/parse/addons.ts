import { didYouMean } from '../../common/suggest.ts';
import type { Addon, AddonFilter, AddonJob } from '../addon.ts';
import { readConsumes, readCustomProviders, readProvides } from './links.ts';
import type { Section } from './section.ts';

const codes = { unlistedRelease: 530002, incompleteJob: 530004, noOs: 530005, deploymentFilter: 530006 } as const;

/** Where the addons stand: in a deployment's manifest they can't choose among deployments or teams. */
export type AddonLevel = 'deployment' | 'runtime';

/**
 * Source: addon.rb, filter.rb, parser.rb.
 * @param releases those listed beside the addons
 */
export function parseAddons(sections: readonly Section[], level: AddonLevel, releases: ReadonlySet<string>): Addon[] {
  return sections.map((addon) => {
    addon.knows(['name', 'jobs', 'include', 'exclude', 'properties']);
    const properties = addon.freeMap('properties');
    if (addon.has('properties')) {
      addon.warn('properties', {
        message: 'properties of an addon are deprecated',
        suggestion: 'put them into its jobs',
      });
    }
    return {
      name: addon.text('name'),
      jobs: addon.optionalSections('jobs').map((job) => parseAddonJob(job, properties, releases)),
      include: parseFilter(addon, 'include', level),
      exclude: parseFilter(addon, 'exclude', level),
    };
  });
}

function parseAddonJob(job: Section, inherited: AddonJob['properties'], releases: ReadonlySet<string>): AddonJob {
  job.knows(['name', 'release', 'properties', 'provides', 'consumes', 'custom_provider_definitions']);
  const release = job.text('release');
  if (release !== '' && !releases.has(release)) {
    job.fault('release', {
      message: `"releases" of the same document have no "${release}"`,
      boshCode: codes.unlistedRelease,
      ...didYouMean(release, releases),
    });
  }
  return {
    name: job.text('name'),
    release,
    properties: job.has('properties') ? job.freeMap('properties') : inherited,
    provides: readProvides(job),
    consumes: readConsumes(job),
    customProviders: readCustomProviders(job),
  };
}

const filterKeys = ['deployments', 'jobs', 'instance_groups', 'stemcell', 'networks', 'teams', 'azs', 'lifecycle'];

function parseFilter(addon: Section, key: 'include' | 'exclude', level: AddonLevel): AddonFilter {
  const filter = addon.optionalSection(key) ?? addon.below([key], {});
  filter.knows(filterKeys);
  const deployments = filter.texts('deployments');
  if (level === 'deployment' && deployments.length > 0) {
    filter.fault('deployments', {
      message: 'the addon of a deployment is for that deployment alone',
      boshCode: codes.deploymentFilter,
      suggestion: 'leave "deployments" out, or put the addon into a runtime config',
    });
  }
  const teams = filter.texts('teams');
  if (level === 'deployment' && teams.length > 0) {
    filter.warn('teams', { message: 'the addon of a deployment has no teams to choose among; this is ignored' });
  }
  const lifecycle = filter.optionalText('lifecycle');
  return {
    deployments,
    jobs: filter.optionalSections('jobs').map(readJobFilter),
    instanceGroups: filter.texts('instance_groups'),
    stemcellOses: filter.optionalSections('stemcell').map(readStemcellFilter),
    networks: filter.texts('networks'),
    teams: level === 'deployment' ? [] : teams,
    azs: filter.texts('azs'),
    lifecycle: lifecycle === '' ? null : lifecycle,
  };
}

function readJobFilter(job: Section): AddonFilter['jobs'][number] {
  job.knows(['name', 'release']);
  const [name, release] = [job.optionalText('name') ?? '', job.optionalText('release') ?? ''];
  if (name === '' || release === '') {
    job.fault(null, { message: 'a job to look for needs both "name" and "release"', boshCode: codes.incompleteJob });
  }
  return { name, release };
}

function readStemcellFilter(stemcell: Section): string {
  stemcell.knows(['os']);
  const os = stemcell.optionalText('os') ?? '';
  if (os === '') stemcell.fault(null, { message: 'a stemcell to look for needs "os"', boshCode: codes.noOs });
  return os;
}
