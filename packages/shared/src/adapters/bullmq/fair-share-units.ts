/**
 * Tags are integers of 1/16 weighted token, so that a token of a heavy flow is not nothing: its weight is at most
 * `fairWeightMax`, and no job costs less than 1.
 */
export const unitsPerToken = 16;

/** Weight that new observations have in the averages of output tokens. */
export const outputAverageGain = 0.1;

/** Completions are averaged over this much time in which there was a line. */
export const rateWindowMs = 10_000;
/** Fewer tell nothing. */
export const rateCompletionsMin = 5;
/** What was measured longer ago than this tells nothing either. */
export const rateMemoryMs = 60_000;

/**
 * Moving what a flow has waiting takes a step per job. To stay cheap where much waits, it happens when what is owed
 * is worth 1/32 of the line; and a job with a priority makes room for up to 1/256 of the line at once.
 */
export const owedShare = 32;
export const roomShare = 256;

/** State of a flow is kept this long after its last job, or up to `touchedMs` less: longer than any job waits. */
export const retentionMs = 48 * 3600 * 1000;
export const touchedMs = 3600 * 1000;
/** Kept after a job's deadline, for its correction. */
export const chargeGraceMs = 300_000;
