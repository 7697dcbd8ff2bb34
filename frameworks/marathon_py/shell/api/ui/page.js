// What runs, what changes and what waits, kept up to date by the event stream; and every call of the API, to be tried.
"use strict";

const main = document.getElementById("main");
const about = document.getElementById("about");

async function get(path) {
  const answer = await fetch(path, {headers: {Accept: "application/json"}});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function table(heads, rows, nothing) {
  if (!rows.length) return element("p", nothing);
  const made = element("table");
  const head = made.createTHead().insertRow();
  for (const text of heads) head.append(element("th", text));
  const body = made.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    for (const cell of cells) {
      const place = row.insertCell();
      if (cell instanceof Node) place.append(cell);
      else { place.textContent = cell; if (typeof cell === "number") place.className = "number"; }
    }
  }
  return made;
}

// ---- views

function health(app) {
  if (app.deployments.length) return element("span", "deploying", "busy");
  if (app.tasksUnhealthy) return element("span", `${app.tasksUnhealthy} unhealthy`, "bad");
  if (app.tasksRunning < app.instances) return element("span", "waiting", "busy");
  return element("span", app.instances ? "running" : "suspended", app.instances ? "good" : "");
}

async function apps() {
  const [{apps}, pods] = await Promise.all([get("/v2/apps"), get("/v2/pods/::status")]);
  apps.sort((one, other) => one.id < other.id ? -1 : 1);
  const rows = apps.map(app => [
    app.id, health(app), `${app.tasksRunning} of ${app.instances}`, app.tasksHealthy, app.cpus, app.mem,
    app.version.slice(0, 19).replace("T", " "),
  ]);
  for (const pod of pods) {
    const count = pod.instances.filter(one => one.status === "STABLE").length;
    rows.push([
      `${pod.id} (pod)`, element("span", pod.status.toLowerCase(), pod.status === "STABLE" ? "good" : "busy"),
      `${count} of ${pod.spec.scaling.instances}`, "", "", "", pod.spec.version.slice(0, 19).replace("T", " "),
    ]);
  }
  return table(["Id", "State", "Running", "Healthy", "CPUs", "MiB", "Version"], rows, "Nothing is defined yet.");
}

async function deployments() {
  const found = await get("/v2/deployments?embed=held");
  const rows = found.map(one => [
    one.id, [...one.affectedApps, ...one.affectedPods].join(", "), `${one.currentStep} of ${one.totalSteps}`,
    [
      ...one.currentActions.map(action => `${action.action} ${action.app || action.pod}`),
      ...one.held.map(id => `${id} waits after its canaries`),
    ].join(", "),
  ]);
  return table(["Id", "About", "Step", "At present"], rows, "Nothing is being deployed.");
}

async function queue() {
  const found = (await get("/v2/queue")).queue;
  const rows = await Promise.all(found.map(async one => {
    const id = (one.app || one.pod).id;
    const reasons = element("ul", undefined, "reasons");
    for (const text of (await get(`/v2/queue${id}/why`)).reasons) reasons.append(element("li", text));
    return [id, one.count, one.since.slice(0, 19).replace("T", " "), reasons];
  }));
  return table(["Id", "Waiting", "Since", "Why"], rows, "Nothing waits.");
}

async function api() {
  const spec = await get("/openapi.json");
  const made = element("div");
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) made.append(call(spec, path, method, operation));
  }
  return made;
}

function call(spec, path, method, operation) {
  const made = element("details");
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), "method"), element("code", path));
  made.append(summary);
  made.addEventListener("toggle", () => {
    if (made.open && made.childElementCount === 1) made.append(form(spec, path, method, operation));
  });
  return made;
}

function form(spec, path, method, operation) {
  const made = document.getElementById("call").content.cloneNode(true).firstElementChild;
  const [fields, text, shown] = ["div.fields", "textarea", "pre"].map(name => made.querySelector(name));
  made.querySelector(".about").textContent = operation.summary;
  for (const one of operation.parameters || []) {
    const label = element("label", one.name);
    const input = element("input");
    input.name = one.name;
    input.dataset.place = one.in;
    input.required = Boolean(one.required);
    label.append(input, element("span", one.description || ""));
    fields.append(label);
  }
  text.hidden = !operation.requestBody;
  made.addEventListener("submit", async event => {
    event.preventDefault();
    shown.hidden = false;
    shown.textContent = "…";
    try { shown.textContent = await ask(path, method, fields, text); }
    catch (error) { shown.textContent = String(error); }
  });
  return made;
}

async function ask(path, method, fields, text) {
  const query = new URLSearchParams();
  for (const input of fields.querySelectorAll("input")) {
    if (input.dataset.place === "path") {
      path = path.replace(`{${input.name}}`, input.value.replace(/^\/+/, "").split("/").map(encodeURIComponent).join("/"));
    } else if (input.value) query.append(input.name, input.value);
  }
  const given = text.hidden ? {} : {body: text.value, headers: {"Content-Type": "application/json"}};
  const answer = await fetch(query.size ? `${path}?${query}` : path, {method: method.toUpperCase(), ...given});
  const body = await answer.text();
  let shown = body;
  try { shown = JSON.stringify(JSON.parse(body), null, 2); } catch { /* it is no JSON, and shown as it is */ }
  return `${answer.status} ${answer.statusText}\n\n${shown}`;
}

// ---- which of them is seen, and when it is looked at again

const VIEWS = {apps, deployments, queue, api};
const EVENTS = [
  "status_update_event", "instance_changed_event", "instance_health_changed_event", "group_change_success",
  "deployment_info", "deployment_step_success", "deployment_success", "deployment_failed", "app_terminated_event",
  "pod_created_event", "pod_updated_event", "pod_deleted_event",
];
let pending = null;

async function show() {
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "apps";
  for (const link of document.querySelectorAll("nav a")) {
    link.toggleAttribute("aria-current", link.hash === `#${name}`);
  }
  try {
    const made = await VIEWS[name]();
    main.replaceChildren(made);
  } catch (error) {
    main.replaceChildren(element("p", String(error), "bad"));
  }
}

function later() {
  if (pending === null && location.hash !== "#api") {
    pending = setTimeout(() => { pending = null; show(); }, 500);
  }
}

async function begin() {
  const info = await get("/v2/info");
  about.textContent = `${info.leader} · ${info.frameworkId || "not registered"} · ${info.buildref}`;
  await show();
  setTimeout(listen, 1000);  // the page is there first; it looks once more when the stream is open
}

function listen() {
  const events = new EventSource(`/v2/events?${EVENTS.map(name => `event_type=${name}`).join("&")}`);
  for (const name of EVENTS) events.addEventListener(name, later);
  events.addEventListener("open", later);
}

window.addEventListener("hashchange", show);
begin();
