import type { EmbeddedCloud } from '../local/cloud.ts';
import type { DemoAccount } from './account.ts';
import { IngestionAgent } from './agent.ts';
import { projectCrn } from './functions.ts';

const HOUR_MS = 3_600_000;
export const AGENT = 'log-agent';

/** A program for each key that others than Keyrota use. The first agent ships a line every virtual minute, the others every ten. */
export function startAgents(
  cloud: EmbeddedCloud,
  url: string,
  account: DemoAccount,
  untilMs: number,
): IngestionAgent[] {
  const resource = { crn: projectCrn(cloud.account.id), componentType: 'function' as const, componentName: AGENT };
  const computeResourceToken = cloud.iam.issueComputeResourceToken(resource);
  const agents = account.keys
    .filter(({ isPrivate }) => !isPrivate)
    .map(
      ({ name, entry, shipping }, index) =>
        new IngestionAgent({
          cloud,
          url,
          secretName: name,
          secretType: entry['kind'] === 'service-credential' ? 'kv' : 'arbitrary',
          shipping,
          lineEveryMs: shipping === null ? 6 * HOUR_MS : (index === 0 ? 1 : 10) * 60_000,
          refreshEveryMs: 6 * HOUR_MS,
          profileId: account.agentProfileId,
          computeResourceToken,
          untilMs,
        }),
    );
  for (const agent of agents) agent.start();
  return agents;
}

/** `GET /agents` of the demo's control port: how each agent stands. Null for any other request. */
export function answerAboutAgents({ method, url }: Request, agents: readonly IngestionAgent[]): Response | null {
  if (method !== 'GET' || new URL(url).pathname !== '/agents') return null;
  return Response.json(agents.map((agent) => agent.state));
}
