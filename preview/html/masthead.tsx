import type { ComponentChildren, VNode } from 'preact';
import { brokenRules, failing } from '../../policies/finding';
import type { Compared, PlanDiff, Revision } from '../diff/plan-diff';
import { countsOf, duration, restartedGpus } from '../diff/words';
import { counted, range, usdAMonth, usdAMonthMore, whole } from '../format';
import type { Plan } from '../plan';
import { total } from './totals';
import { type Verdict, verdictOf } from './verdict';

const LEVELS: Readonly<Record<Verdict['level'], string>> = {
  stop: 'Fails',
  look: 'Look closely',
  calm: 'Clear',
  open: 'Not judged',
};

/** What the page is about, the verdict, and four figures. */
export function Masthead(compared: Compared): VNode {
  const { plan, diff } = compared;
  const verdict = verdictOf(compared);
  return (
    <header class="masthead">
      <div class="title">
        <h1>
          {plan.environment} <span class="quiet">{diff === undefined ? 'plan' : 'changes'}</span>
        </h1>
        <button type="button" class="theme" id="theme" hidden>
          Dark
        </button>
      </div>
      <p class="about">
        {plan.summary.platform} · {plan.summary.cluster}
        {diff !== undefined && (
          <>
            {' · '}
            <RevisionName {...diff.base} /> <span aria-hidden="true">→</span>
            <span class="unseen">to</span> working tree
          </>
        )}
      </p>
      <p class={`verdict ${verdict.level}`}>
        <strong>{LEVELS[verdict.level]}</strong> {verdict.text}
      </p>
      {diff?.baseFailed !== undefined && (
        <p class="verdict stop">
          <strong>No base</strong> Nothing could be compared, and everything is told as new: {diff.baseFailed}
        </p>
      )}
      <dl class="glance">
        {diff === undefined ? <PlanFigures plan={plan} /> : <DiffFigures diff={diff} />}
        <CostFigure {...compared} />
        <PolicyFigure plan={plan} />
      </dl>
    </header>
  );
}

function RevisionName({ name, commit }: Revision): VNode {
  return (
    <>
      {name}
      {commit !== undefined && !commit.startsWith(name) && <code> {commit.slice(0, 10)}</code>}
    </>
  );
}

function Figure(props: { title: string; value: ComponentChildren; href: string; children?: ComponentChildren }): VNode {
  return (
    <div>
      <dt>
        <a href={props.href}>{props.title}</a>
      </dt>
      <dd class="value">{props.value}</dd>
      <dd class="more">{props.children}</dd>
    </div>
  );
}

function DiffFigures({ diff }: { diff: PlanDiff }): VNode {
  const changes = [...diff.resources, ...diff.objects];
  const longest = Math.max(0, ...diff.rollouts.map(({ seconds }) => seconds));
  const pods = diff.rollouts.reduce((sum, each) => sum + each.pods, 0);
  return (
    <>
      <Figure title="Changes" value={whole(changes.length)} href="#changes">
        {countsOf(changes)}
      </Figure>
      <Figure
        title="GPUs restarted"
        value={whole(restartedGpus(diff))}
        href={diff.rollouts.length > 0 ? '#restarts' : '#changes'}
      >
        {pods === 0 ? 'no pod starts anew' : `${counted(pods, 'pod')}, ${duration(longest)} at the longest`}
      </Figure>
    </>
  );
}

function PlanFigures({ plan }: { plan: Plan }): VNode {
  const { models } = plan.summary;
  const gpus = (size: 'min' | 'max') =>
    models.reduce((sum, { replicas, gpusPerPod }) => sum + replicas[size] * gpusPerPod, 0);
  const pools = new Set(models.map(({ pool }) => pool)).size;
  return (
    <>
      <Figure title="Models" value={whole(models.length)} href="#memory">
        {`${counted(plan.charts.length, 'chart')}, ${counted(
          plan.charts.reduce((sum, { objects }) => sum + objects.length, 0),
          'object',
        )}`}
      </Figure>
      <Figure title="GPUs" value={range(gpus('min'), gpus('max'))} href="#topology">
        {`asked for by replicas, of ${counted(pools, 'pool')}`}
      </Figure>
    </>
  );
}

function CostFigure({ plan, diff }: Compared): VNode {
  const after = plan.summary.cost;
  const before = diff?.cost.before;
  if (after === undefined) {
    return (
      <Figure title="Resources" value={whole(total(plan.summary.resources))} href="#resources">
        of the cloud and add-ons; nodes are there already
      </Figure>
    );
  }
  return (
    <Figure title="Cost a month" value={usdAMonth(after.serving)} href="#cost">
      {before === undefined
        ? `serving; idle ${usdAMonth(after.idle)}, most ${usdAMonth(after.most)}`
        : `serving, ${usdAMonthMore(before.serving, after.serving)}; most ${usdAMonth(after.most)}, ${usdAMonthMore(before.most, after.most)}`}
    </Figure>
  );
}

function PolicyFigure({ plan }: { plan: Plan }): VNode {
  const { rules, findings } = plan.summary.policies;
  const fails = failing(findings);
  const waived = findings.filter(({ waiver }) => waiver !== undefined).length;
  const warned = findings.length - fails.length - waived;
  return (
    <Figure title="Policies failing" value={whole(brokenRules(fails).length)} href="#policies">
      {rules.length === 0
        ? 'none looked at'
        : [
            `of ${counted(rules.length, 'rule')}`,
            ...(fails.length > 0 ? [counted(fails.length, 'finding')] : []),
            ...(warned > 0 ? [counted(warned, 'warning')] : []),
            ...(waived > 0 ? [`${whole(waived)} waived`] : []),
          ].join(', ')}
    </Figure>
  );
}
