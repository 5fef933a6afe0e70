-- The tables of the original, as its migrations leave them.
CREATE TYPE task_state AS ENUM ('queued', 'running', 'succeeded', 'failed', 'canceled');
CREATE TABLE canvas_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    canvas_id uuid,
    room_name text NOT NULL,
    participants jsonb NOT NULL DEFAULT '[]',
    transcript jsonb NOT NULL DEFAULT '[]',
    canvas_state jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    tool_executor_identity text,
    tool_executor_lease_expires_at timestamptz,
    UNIQUE (room_name, canvas_id)
);
CREATE TABLE canvas_session_transcripts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id text NOT NULL UNIQUE,
    session_id uuid NOT NULL REFERENCES canvas_sessions ON DELETE CASCADE,
    room_name text NOT NULL,
    participant_id text NOT NULL,
    participant_name text,
    text text NOT NULL,
    ts bigint NOT NULL,
    manual boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE agent_tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz,
    updated_at timestamptz,
    room text NOT NULL,
    task text NOT NULL,
    params jsonb DEFAULT '{}',
    trace_id text,
    status task_state DEFAULT 'queued',
    priority int DEFAULT 0,
    run_at timestamptz,
    attempt int DEFAULT 0,
    error text,
    request_id text,
    dedupe_key text,
    resource_keys text[],
    lease_token uuid,
    lease_expires_at timestamptz,
    result jsonb
);
CREATE TABLE agent_trace_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    trace_id text,
    request_id text,
    intent_id text,
    room text,
    task_id uuid,
    attempt int NOT NULL DEFAULT 0,
    task text,
    component text,
    stage text NOT NULL,
    status text,
    latency_ms int,
    payload jsonb,
    sampled boolean NOT NULL DEFAULT true,
    provider text,
    model text,
    provider_source text,
    provider_path text,
    provider_request_id text
);
CREATE TABLE agent_io_blobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('input', 'output')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '90 days',
    room text,
    trace_id text,
    request_id text,
    intent_id text,
    payload text NOT NULL,
    encoding text NOT NULL DEFAULT 'utf8',
    mime_type text NOT NULL DEFAULT 'application/json',
    size_bytes int,
    sha256 text,
    truncated boolean NOT NULL DEFAULT false,
    metadata jsonb,
    UNIQUE (event_id, kind)
);
CREATE TABLE agent_model_io (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id text NOT NULL UNIQUE,
    sequence int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '90 days',
    session_id text,
    room text,
    trace_id text,
    request_id text,
    intent_id text,
    task_id text,
    source text NOT NULL,
    event_type text NOT NULL,
    status text,
    provider text,
    model text,
    provider_source text,
    provider_path text,
    provider_request_id text,
    system_prompt text,
    context_priming jsonb,
    input_payload jsonb,
    output_payload jsonb,
    metadata jsonb,
    error text,
    latency_ms int,
    input_blob_id uuid REFERENCES agent_io_blobs ON DELETE SET NULL,
    output_blob_id uuid REFERENCES agent_io_blobs ON DELETE SET NULL
);
CREATE TABLE agent_tool_io (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id text NOT NULL UNIQUE,
    sequence int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '90 days',
    session_id text,
    room text,
    trace_id text,
    request_id text,
    intent_id text,
    task_id text,
    source text NOT NULL,
    event_type text NOT NULL,
    status text,
    tool_name text NOT NULL,
    tool_call_id text,
    provider text,
    model text,
    provider_source text,
    provider_path text,
    provider_request_id text,
    input_payload jsonb,
    output_payload jsonb,
    metadata jsonb,
    error text,
    latency_ms int,
    input_blob_id uuid REFERENCES agent_io_blobs ON DELETE SET NULL,
    output_blob_id uuid REFERENCES agent_io_blobs ON DELETE SET NULL
);
CREATE TABLE fairy_orchestration_ledger (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    room text NOT NULL,
    session_id text NOT NULL,
    trace_id text,
    request_id text,
    action_type text NOT NULL,
    project_name text,
    project_mode text CHECK (project_mode IN ('solo', 'duo')),
    project_status text CHECK (project_status IN ('active', 'completed', 'aborted')),
    task_id text,
    task_title text,
    assigned_to text,
    task_status text CHECK (task_status IN ('created', 'started', 'done', 'deleted', 'awaiting', 'delegated')),
    payload jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE canvas_agent_todos (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id text NOT NULL,
    text text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'skipped')),
    position int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE TABLE agent_ops_audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    actor_user_id uuid NOT NULL,
    action text NOT NULL,
    target_task_id uuid,
    target_trace_id text,
    reason text NOT NULL,
    before_status text,
    after_status text,
    result jsonb
);
CREATE TABLE agent_worker_heartbeats (
    worker_id text PRIMARY KEY,
    updated_at timestamptz NOT NULL DEFAULT now(),
    host text,
    pid text,
    version text,
    active_tasks int NOT NULL DEFAULT 0,
    queue_lag_ms int NOT NULL DEFAULT 0
);
CREATE INDEX ON agent_model_io (trace_id, created_at DESC);
CREATE INDEX ON agent_tool_io (trace_id, created_at DESC);
CREATE INDEX ON agent_model_io (request_id, created_at DESC);
CREATE INDEX ON agent_tool_io (request_id, created_at DESC);
CREATE INDEX ON agent_model_io (room, status, created_at DESC);
CREATE INDEX ON agent_tool_io (room, status, created_at DESC);
CREATE INDEX ON agent_model_io USING brin (created_at);
CREATE INDEX ON agent_tool_io USING brin (created_at);
CREATE INDEX ON agent_trace_events (room, created_at DESC);
CREATE INDEX ON agent_tasks (trace_id, created_at DESC);
