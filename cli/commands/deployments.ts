import type { DeploymentConfig } from '../../director/api/contract/configs.ts';
import type { DeploymentManifest, DeploymentSummary, NameAndVersion } from '../../director/api/contract/deployments.ts';
import { paths } from '../../director/api/contract/paths.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { CliError, during } from '../failure.ts';
import { withQuery } from '../query.ts';
import { shownVersion } from '../slugs.ts';
import { type Cell, columnsOf, lines } from '../ui/table.ts';

export const deploymentCommands: readonly CommandSpec[] = [
  {
    name: 'deployments',
    aliases: ['ds', 'deps'],
    text: 'List deployments',
    run: async ({ ui, session }) => {
      const path = withQuery(paths.deployments, { exclude_configs: 'true' });
      const deployments = await fetching<DeploymentSummary[]>(await session.director(), 'Finding deployments', path);
      ui.table({
        content: 'deployments',
        columns: columnsOf('Name', 'Release(s)', 'Stemcell(s)', 'Team(s)'),
        rows: deployments.map(({ name, releases, stemcells, teams }) => [
          name,
          slugs(releases, 'release'),
          slugs(stemcells, 'stemcell'),
          lines(teams),
        ]),
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'deployment',
    aliases: ['dep'],
    text: 'Show deployment information',
    run: async ({ ui, session }) => {
      const client = await session.director();
      const name = await session.deployment({ quiet: true });
      const all = await fetching<DeploymentSummary[]>(client, 'Finding deployments', paths.deployments);
      const deployment = all.find((each) => each.name === name);
      if (deployment === undefined) throw new CliError(`Expected to find deployment '${name}'`);
      const query = new URLSearchParams([['deployment[]', name]]);
      const configs = await fetching<DeploymentConfig[]>(
        client,
        'Finding deployment configs',
        `${paths.deploymentConfigs}?${query.toString()}`,
      );
      ui.table({
        content: 'deployments',
        columns: columnsOf('Name', 'Release(s)', 'Stemcell(s)', 'Config(s)', 'Team(s)'),
        rows: [
          [
            name,
            slugs(deployment.releases, 'release'),
            slugs(deployment.stemcells, 'stemcell'),
            lines(configs.map(({ config }) => `${config.id} ${config.type}/${config.name}`)),
            lines(deployment.teams),
          ],
        ],
        sortBy: [{ column: 0 }],
      });
    },
  },
  {
    name: 'manifest',
    aliases: ['man'],
    text: 'Show deployment manifest',
    run: async ({ ui, session }) => {
      const name = await session.deployment();
      const client = await session.director();
      const { manifest } = await during(
        'Fetching manifest',
        fetching<DeploymentManifest>(client, `Finding deployment '${name}'`, paths.deployment(name)),
      );
      ui.block(manifest ?? '');
    },
  },
  {
    name: 'delete-deployment',
    aliases: ['deld'],
    text: 'Delete deployment',
    flags: [{ name: 'force', text: 'Ignore errors' }],
    run: async ({ ui, session }, given) => {
      const client = await session.director();
      const name = await session.deployment();
      await ui.confirm();
      const path = withQuery(paths.deployment(name), { force: given.on('force') });
      try {
        await session.run({ method: 'DELETE', path });
      } catch (error) {
        // someone else may have been faster
        const left = await fetching<DeploymentSummary[]>(client, 'Finding deployments', paths.deployments);
        if (left.some((each) => each.name === name)) throw new CliError(`Deleting deployment '${name}'`, error);
      }
    },
  },
];

function slugs(list: readonly NameAndVersion[] | undefined, kind: string): Cell {
  return lines(
    (list ?? []).map(({ name, version }) => `${name}/${shownVersion(version, `${kind} '${name}/${version}'`)}`),
  );
}
