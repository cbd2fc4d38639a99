/** A deployment as the simulator's operators wish for it. */
export interface Shape {
  name: string;
  instances: number;
  azs: readonly string[];
  /** Of the release. */
  version: string;
  stemcell: string;
  /** Null: none. */
  diskMib: 1024 | 2048 | null;
  canaries: number;
  maxInFlight: number;
  /** A value that nobody but the job may see. */
  secret: string;
  /** The group whose job provides the link that the web jobs consume, under one name or the other. */
  db: DbShape;
}

export interface DbShape {
  group: 'db' | 'store';
  /** Its instances are those that had the other name. */
  migrates: boolean;
  instances: number;
  /** Part of the link. */
  port: number;
}

/** Values that only the infrastructure and the machine's agent may see. */
const [cloudSecret, envSecret] = ['s3cret-of-cloud-properties', 's3cret-of-env'];
export const fixedSecrets: readonly string[] = [cloudSecret, envSecret];

export const simulatedCloudConfig = `
azs:
- {name: z1, cloud_properties: {zone: z1}}
- {name: z2, cloud_properties: {zone: z2}}
networks:
- name: default
  subnets:
  - {range: 10.0.0.0/26, gateway: 10.0.0.1, azs: [z1, z2], dns: [8.8.8.8], cloud_properties: {name: ${cloudSecret}}}
vm_types: [{name: small, cloud_properties: {}}]
disk_types:
- {name: disk-1024, disk_size: 1024, cloud_properties: {type: ${cloudSecret}}}
- {name: disk-2048, disk_size: 2048}
compilation: {workers: 2, network: default, az: z1, vm_type: small, reuse_compilation_vms: true}
`;

const dbGroup = ({ azs, db }: Shape) => `- name: ${db.group}
  instances: ${db.instances}
  azs: [${azs.join(', ')}]
  vm_type: small
  stemcell: default
${db.migrates ? `  migrated_from: [{name: ${db.group === 'db' ? 'store' : 'db'}}]\n` : ''}  networks: [{name: default}]
  jobs: [{name: db, release: web, properties: {port: ${db.port}}}]
`;

export const manifestOf = (shape: Shape) => `
name: ${shape.name}
releases: [{name: web, version: "${shape.version}"}]
stemcells: [{alias: default, os: tiny-os, version: "${shape.stemcell}"}]
update:
  canaries: ${shape.canaries}
  max_in_flight: ${shape.maxInFlight}
  canary_watch_time: 1-2
  update_watch_time: 1-2
instance_groups:
${dbGroup(shape)}- name: web
  instances: ${shape.instances}
  azs: [${shape.azs.join(', ')}]
  vm_type: small
  stemcell: default
${shape.diskMib === null ? '' : `  persistent_disk_type: disk-${shape.diskMib}\n`}  networks: [{name: default}]
  env: {bosh: {password: ${envSecret}}}
  jobs: [{name: web, release: web, properties: {port: ${shape.secret}}}]
`;
