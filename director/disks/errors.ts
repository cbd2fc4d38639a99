import { OperatorError } from '../../common/errors.ts';
import type { AttachDiskArgs } from './args.ts';

type Of = Pick<AttachDiskArgs, 'deployment' | 'group' | 'instanceId'>;

const described = ({ deployment, group, instanceId }: Of) =>
  `Instance '${group}/${instanceId}' in deployment '${deployment}'`;

export function instanceOfDiskMissing(of: Of): OperatorError {
  return new OperatorError(`${described(of)} was not found`, {
    code: 'attach-disk-instance-not-found',
    hint: `\`bosh -d ${of.deployment} instances\` lists what there is; the instance is named by its id.`,
    details: { ...of },
  });
}

export function instanceOfDiskIgnored(of: Of): OperatorError {
  return new OperatorError(`${described(of)} is ignored: it gets no other disk`, {
    code: 'attach-disk-instance-state',
    hint: `Run \`bosh -d ${of.deployment} unignore ${of.group}/${of.instanceId}\` first.`,
    details: { ...of },
  });
}

export function instanceNotStopped(of: Of): OperatorError {
  return new OperatorError(`${described(of)} must be stopped: its jobs may be writing to the disk that it has`, {
    code: 'attach-disk-instance-state',
    hint: `Run \`bosh -d ${of.deployment} stop ${of.group}/${of.instanceId}\` first; with --hard, its VM goes, too.`,
    details: { ...of },
  });
}

export function diskOfOther(cid: string, instanceId: string): OperatorError {
  return new OperatorError(`disk ${cid} is a disk of instance ${instanceId}`, {
    code: 'disk-in-use',
    hint: `Stop that instance and run \`bosh orphan-disk ${cid}\` first: a disk belongs to one instance at most.`,
    details: { cid, instanceId },
  });
}
