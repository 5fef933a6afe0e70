import { z } from "zod";
import { chat } from "../models";
import { recordModelIo, recordToolIo } from "../replay";
import { updateComponent, type Pulse } from "../components";
import { CROWD_PULSE_PROMPT, COMMIT_TOOL } from "./prompts";

const Commit = z.object({
  question: z.string(),
  options: z.array(z.string()),
  hands: z.number().int().nonnegative(),
  trend: z.enum(["up", "down", "steady"]),
});

/** Decides what the pulse shows after the last lines, and writes it. */
export async function crowdPulse(request: Request, state: Pulse): Promise<Outcome> {
  const answer = await chat(CROWD_PULSE_PROMPT, [state, request.transcript], [COMMIT_TOOL]);
  recordModelIo(request, answer);

  const raw = answer.toolCalls[0]?.arguments ?? "{}";
  let next: Pulse;
  try {
    next = Commit.parse(JSON.parse(raw));
  } catch (error) {
    // Nothing was counted, so nothing may be announced: the voice agent must hear that it failed.
    recordToolIo(request, "commit_crowd_pulse", "error", { error: String(error), raw });
    return { status: "failed", decision: "arguments are no JSON", retryable: true };
  }
  recordToolIo(request, "commit_crowd_pulse", "completed", next);

  await updateComponent(request.room, diff(state, next));
  return { status: "ok", decision: "updated" };
}

function diff(before: Pulse, after: Pulse): Partial<Pulse> {
  return Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value));
}
