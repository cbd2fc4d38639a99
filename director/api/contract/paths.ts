/**
 * Where things are. Names that come from users go through `encodeURIComponent`; a server decodes each segment once.
 * Source: cloudfoundry/bosh, director/api/controllers.
 */
const segment = encodeURIComponent;

export const paths = {
  info: '/info',
  tasks: '/tasks',
  task: (id: number) => `/tasks/${id}`,
  taskOutput: (id: number, type: OutputType) => `/tasks/${id}/output?type=${type}`,
  /** Singular, as in BOSH: DELETE asks the task to end. */
  cancelTask: (id: number) => `/task/${id}`,
  cancelTasks: '/tasks/cancel',
  deployments: '/deployments',
  deployment: (name: string) => `/deployments/${segment(name)}`,
  deploymentDiff: (name: string) => `/deployments/${segment(name)}/diff`,
  pastDeploys: (name: string) => `/deployments/${segment(name)}/past_deploys`,
  rollback: (name: string) => `/deployments/${segment(name)}/rollback`,
  instances: (name: string) => `/deployments/${segment(name)}/instances`,
  vms: (name: string) => `/deployments/${segment(name)}/vms`,
  group: (name: string, group: string) => `/deployments/${segment(name)}/jobs/${segment(group)}`,
  instance: (name: string, group: string, indexOrId: string) =>
    `/deployments/${segment(name)}/jobs/${segment(group)}/${segment(indexOrId)}`,
  instanceAction: (name: string, group: string, indexOrId: string, action: InstanceAction) =>
    `/deployments/${segment(name)}/instance_groups/${segment(group)}/${segment(indexOrId)}/actions/${action}`,
  ignoreInstance: (name: string, group: string, indexOrId: string) =>
    `/deployments/${segment(name)}/instance_groups/${segment(group)}/${segment(indexOrId)}/ignore`,
  scans: (name: string) => `/deployments/${segment(name)}/scans`,
  problems: (name: string) => `/deployments/${segment(name)}/problems`,
  errands: (name: string) => `/deployments/${segment(name)}/errands`,
  errandRuns: (name: string, errand: string) => `/deployments/${segment(name)}/errands/${segment(errand)}/runs`,
  /** `*`: any group, any instance. */
  logs: (name: string, group: string, indexOrId: string) =>
    `/deployments/${segment(name)}/jobs/${segment(group)}/${segment(indexOrId)}/logs`,
  ssh: (name: string) => `/deployments/${segment(name)}/ssh`,
  explanation: (name: string, group: string, indexOrId: string) =>
    `/deployments/${segment(name)}/instance_groups/${segment(group)}/${segment(indexOrId)}/explanation`,
  variables: (name: string) => `/deployments/${segment(name)}/variables`,
  deploymentCertificates: (name: string) => `/deployments/${segment(name)}/certificate_expiry`,
  deployedVariable: (name: string) => `/deployed_variables/${segment(name)}`,
  releases: '/releases',
  release: (name: string) => `/releases/${segment(name)}`,
  exportRelease: '/releases/export',
  packageMatches: '/packages/matches',
  compiledPackageMatches: '/packages/matches_compiled',
  stemcells: '/stemcells',
  stemcell: (name: string, version: string) => `/stemcells/${segment(name)}/${segment(version)}`,
  stemcellUploads: '/stemcell_uploads',
  configs: '/configs',
  config: (id: string) => `/configs/${segment(id)}`,
  configDiff: '/configs/diff',
  deploymentConfigs: '/deployment_configs',
  events: '/events',
  event: (id: string) => `/events/${segment(id)}`,
  locks: '/locks',
  resource: (blobId: string) => `/resources/${segment(blobId)}`,
  snapshots: (name: string) => `/deployments/${segment(name)}/snapshots`,
  snapshot: (name: string, cid: string) => `/deployments/${segment(name)}/snapshots/${segment(cid)}`,
  instanceSnapshots: (name: string, group: string, indexOrId: string) =>
    `/deployments/${segment(name)}/jobs/${segment(group)}/${segment(indexOrId)}/snapshots`,
  disks: '/disks',
  disk: (cid: string) => `/disks/${segment(cid)}`,
  diskAttachments: (cid: string) => `/disks/${segment(cid)}/attachments`,
  orphanedVms: '/orphaned_vms',
  vm: (cid: string) => `/vms/${segment(cid)}`,
  networks: '/networks',
  cleanUp: '/cleanup',
  cleanUpDryRun: '/cleanup/dryrun',
  jobs: '/jobs',
  resurrection: '/resurrection',
  certificateExpiry: '/director/certificate_expiry',
} as const;

export type OutputType = 'debug' | 'cpi' | 'event' | 'result' | 'none';
export type InstanceAction = 'start' | 'stop' | 'restart' | 'recreate';

/** Bodies of these types alone are routed; everything else is "Endpoint not found". */
export const mediaTypes = { json: 'application/json', yaml: 'text/yaml', tarball: 'application/x-compressed' } as const;

export const contextIdHeader = 'x-bosh-context-id';
export const contextIdCharactersMax = 64;
