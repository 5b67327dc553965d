// Follows the room's events and shows them. Whatever comes from outside is put in as text.
"use strict";

const parts = {};
const lines = new Map();
let chosen = null;
let awaited = null;
let source = null;

const by = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function say(text, isWrong = false) {
  const line = by("line");
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("wrong", isWrong);
}

// What a screen reader is told; a few sentences are kept.
function tell(text) {
  const log = by("told");
  log.append(make("p", {}, text));
  while (log.childElementCount > 5) log.firstElementChild.remove();
}

// Course and script

function showCourse(course) {
  by("title").textContent = course.title ?? "Overbooked";
  document.title = `${course.title ?? "the room"} \u2013 Overbooked`;
  const engine = course.engine;
  by("engine").textContent = engine ? `${engine.product} \u00b7 ${engine.place} \u00b7 ${engine.isolation}` : "";
  const step = by("step");
  if (course.broken) step.textContent = `It cannot go on: ${course.broken}`;
  else if (course.setup) step.textContent = course.setup;
  else if (course.steps === 0) step.textContent = "There is no script: sessions are typed into.";
  else if (course.next) step.textContent = `Step ${course.step + 1} of ${course.steps} is next: ${course.next.session}`;
  else step.textContent = `All ${course.steps} steps are played.`;
}

const MARKS = {
  next: "comes next", ahead: "", sent: "sent", done: "done",
  kept: "as the script says", broken: "not as the script says",
};

function showScript(script) {
  const list = by("script");
  list.replaceChildren(...(script ?? []).map((step) => {
    const why = step.why.length ? `: ${step.why.join("; ")}` : "";
    const mark = MARKS[step.mark] + why;
    return make("li", { class: step.mark, "aria-current": step.mark === "next" ? "step" : null },
      make("span", { class: "who-name" }, step.session), make("code", {}, step.sql),
      mark ? make("span", { class: "mark" }, mark) : null);
  }));
  const next = list.querySelector(".next");
  if (next) list.scrollTop = next.offsetTop - list.offsetTop - list.clientHeight / 3;
}

// Seats

const STATES = { free: "free", held: "locked", uncommitted: "changed, not committed", booked: "booked" };

function names(all) {
  return all.length < 3 ? all.join(" and ") : `${all[0]} and ${all.length - 1} others`;
}

function inWords(seat) {
  const words = seat.held.map((hold) => `${hold.who} ${hold.how}`);
  if (seat.by) words.unshift(`booked by ${seat.by}`);
  if (words.length === 0) words.push(STATES[seat.state]);
  if (seat.waits.length) words.push(`${names(seat.waits)} ${seat.waits.length > 1 ? "wait" : "waits"} for it`);
  return `${seat.key}: ${words.join("; ")}`;
}

function fillSeat(element, seat) {
  element.className = `seat ${seat.state}`;
  element.classList.toggle("mine", me !== null && parts[`person:${me.number}`]?.seat === seat.key);
  element.setAttribute("aria-disabled", String(!mayPress()));
  element.title = inWords(seat);
  const who = seat.held.length ? names(seat.held.map((hold) => hold.who)) : seat.by ?? "";
  const queue = seat.waits.length ? `+${seat.waits.length}` : "";
  element.replaceChildren(
    make("span", { class: "number", "aria-hidden": "true" }, seat.number || seat.key),
    make("span", { class: "who", "aria-hidden": "true" }, who),
    make("span", { class: "queue", "aria-hidden": "true" }, queue),
    make("span", { class: "unseen" }, inWords(seat)));
}

const seatElements = new Map();

// The same elements as long as the seats are the same: whoever has the keyboard on one keeps it.
function showTables(tables) {
  const holder = by("tables");
  const shape = JSON.stringify(tables.map((table) => [table.name, table.map?.map((part) =>
    [part.title, part.rows.map((row) => [row.label, row.seats.map((seat) => [seat.key, seat.column])])])]));
  if (holder.dataset.shape !== shape) {
    holder.dataset.shape = shape;
    seatElements.clear();
    holder.replaceChildren(...tables.map((table, place) => tableElement(table, place)));
  }
  tables.forEach((table, place) => {
    by(`note-${place}`).textContent = table.note ?? "";
    if (table.table) fillRows(by(`rows-${place}`), table);
    for (const seat of seatsOf(table)) fillSeat(seatElements.get(seat.slot), seat);
  });
  document.querySelector(".legend").hidden = !tables.some((table) => table.map);
  const contested = tables.flatMap((table) => seatsOf(table))
    .filter((seat) => seat.held.length || seat.waits.length);
  by("contested").replaceChildren(...contested.map((seat) => make("li", {}, inWords(seat))));
}

function seatsOf(table) {
  const found = [];
  (table.map ?? []).forEach((part, partAt) => part.rows.forEach((row, rowAt) =>
    row.seats.forEach((seat, at) =>
      found.push({ ...seat, slot: `${table.name}/${partAt}/${rowAt}/${at}` }))));
  return found;
}

function tableElement(table, place) {
  const note = make("p", { id: `note-${place}`, class: "nothing" });
  if (!table.map) {
    const rows = make("div", { class: "rows", id: `rows-${place}`, tabindex: "0", role: "group", "aria-label": table.name });
    return make("div", {}, rows, note);
  }
  const parts = table.map.map((part, partAt) => make("table", { class: "map" },
    make("caption", {}, part.title ? `${table.name}, ${part.title}` : table.name),
    make("tbody", {}, ...part.rows.map((row, rowAt) => {
      const cells = [];
      row.seats.forEach((seat, at) => {
        while (cells.length < seat.column) cells.push(make("td"));
        const element = seatElement(seat);
        seatElements.set(`${table.name}/${partAt}/${rowAt}/${at}`, element);
        cells.push(make("td", {}, element));
      });
      return make("tr", {}, make("th", { scope: "row" }, row.label), ...cells);
    }))));
  return make("div", {}, ...parts, note);
}

function seatElement(seat) {
  const element = make("button", { type: "button", class: "seat", "data-key": seat.key });
  element.addEventListener("click", () => press(seat.key));
  return element;
}

function fillRows(holder, table) {
  const { columns, rows } = table.table;
  const notes = (row) => [...row.held.map((hold) => `${hold.who} ${hold.how}`),
    ...(row.waits.length ? [`${names(row.waits)} waits`] : [])].join("; ");
  holder.replaceChildren(make("table", {}, make("caption", {}, table.name),
    make("thead", {}, make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, "held by, waited for"))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.values.map((value) => make("td", {}, value ?? "NULL")), make("td", {}, notes(row)))))));
}

// Sessions

function showPanes(panes) {
  const tabs = by("tabs");
  const holder = by("panes");
  const wanted = panes.map((pane) => pane.name);
  if (wanted.includes(awaited)) [chosen, awaited] = [awaited, null];
  if (!wanted.includes(chosen)) chosen = wanted[0] ?? null;
  for (const pane of [...holder.children]) if (!wanted.includes(pane.dataset.name)) pane.remove();
  for (const tab of [...tabs.children]) if (!wanted.includes(tab.dataset.name)) tab.remove();
  panes.forEach((pane, place) => {
    const known = [...holder.children].find((it) => it.dataset.name === pane.name);
    const element = known ?? paneElement(pane.name);
    if (!known) showLines(element, pane.name);
    if (holder.children[place] !== element) holder.insertBefore(element, holder.children[place] ?? null);
    const state = element.querySelector(".state");
    if (state.textContent !== pane.state) {
      state.textContent = pane.state;
      if (pane.waits) tell(`${pane.name} ${pane.state}`);
    }
    element.classList.toggle("waits", pane.waits);
    const tab = [...tabs.children].find((it) => it.dataset.name === pane.name) ?? tabElement(pane.name);
    if (tabs.children[place] !== tab) tabs.insertBefore(tab, tabs.children[place] ?? null);
    tab.classList.toggle("waits", pane.waits);
  });
  choose(chosen);
}

let numbered = 0;

function paneElement(name) {
  numbered += 1;
  const heading = make("h3", { id: `pane-title-${numbered}` }, make("span", {}, name), make("span", { class: "state" }));
  const body = make("div", { class: "lines", tabindex: "0", role: "group", "aria-label": `What was said in ${name}` });
  const pane = make("div", { class: "pane", id: `pane-${numbered}`, role: "tabpanel", "aria-label": name, "data-name": name }, heading, body);
  body.addEventListener("scroll", () => {
    const isAtEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 40;
    if (isAtEnd) delete pane.dataset.read;
    else pane.dataset.read = "";
  });
  return pane;
}

function tabElement(name) {
  const pane = paneOf(name);
  const tab = make("button", { type: "button", role: "tab", "aria-controls": pane.id, "data-name": name }, name);
  tab.addEventListener("click", () => choose(name));
  return tab;
}

function paneOf(name) {
  return [...by("panes").children].find((pane) => pane.dataset.name === name);
}

function choose(name) {
  chosen = name;
  for (const pane of by("panes").children) {
    pane.hidden = pane.dataset.name !== name;
    toTheEnd(pane);
  }
  for (const tab of by("tabs").children) {
    const isIt = tab.dataset.name === name;
    tab.setAttribute("aria-selected", String(isIt));
    tab.tabIndex = isIt ? 0 : -1;
  }
}

addEventListener("resize", () => [...by("panes").children].forEach(toTheEnd));

by("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...by("tabs").children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  choose(next.dataset.name);
  next.focus();
});

function takeLines(name, told) {
  if (told === null) return lines.delete(name);
  const kept = lines.get(name) ?? { first: told.first, all: [] };
  const fits = told.from >= kept.first && told.from <= kept.first + kept.all.length;
  const before = fits ? kept.all.slice(0, told.from - kept.first) : [];
  const all = before.concat(told.lines);
  const first = told.from - before.length;
  lines.set(name, { first: told.first, all: all.slice(Math.max(0, told.first - first)) });
  const pane = paneOf(name);
  if (pane) showLines(pane, name);
}

function showLines(pane, name) {
  const holder = pane.querySelector(".lines");
  const isAtEnd = holder.scrollHeight - holder.scrollTop - holder.clientHeight < 40;
  const all = lines.get(name)?.all ?? [];
  holder.replaceChildren(...all.map(([look, text, aside]) =>
    make("div", { class: look }, make("span", {}, text), aside ? make("span", { class: "aside" }, aside) : null)));
  toTheEnd(pane);
}

// A pane stays at its end unless somebody has scrolled up in it.
function toTheEnd(pane) {
  const holder = pane.querySelector(".lines");
  if (pane.dataset.read === undefined) holder.scrollTop = holder.scrollHeight;
}

// Waits and time line

function nothing(words) {
  return make("li", { class: "nothing" }, words);
}

function showWaits(waits) {
  const items = waits.map((wait) => make("li", { class: wait.circle ? "circle" : null },
    make("strong", {}, wait.who), ` waits for ${wait.for}${wait.circle ? " (in a circle: a deadlock)" : ""}`));
  by("waits").replaceChildren(...(items.length ? items : [nothing("Nobody waits.")]));
}

function showTimeline(moments) {
  const list = by("timeline");
  const items = [...moments].reverse().map((moment) => make("li", { class: moment.kind },
    make("span", { class: "who-name" }, moment.session), make("code", {}, moment.sql),
    moment.end ? make("span", { class: "end" }, moment.end) : null));
  list.replaceChildren(...(items.length ? items : [nothing("Nothing was sent yet.")]));
}

// Taking part

let me = null;

function mayPress() {
  return me !== null && parts.rules?.open === true;
}

const REFUSED = { 403: "This is not yours any more: the room was closed, or the remote was given to another." };

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({ error: REFUSED[answer.status] ?? `the room answers ${answer.status}` }));
  return answer.ok ? said : Promise.reject(new Error(said.error));
}

function sayToMe(words, state) {
  const line = by("me");
  if (line.textContent !== words) line.textContent = words;
  line.className = state;
}

by("call").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    me = await post("/name", { name: by("name").value });
    showMe();
  } catch (error) {
    sayToMe(error.message, "wrong");
  }
});

async function press(key) {
  if (me === null) {
    sayToMe("Say your name first.", "wrong");
    by("name").focus();
    return;
  }
  try {
    await post("/press", { seat: key });
  } catch (error) {
    sayToMe(error.message, "wrong");
  }
}

// A pane of one's own

let hadPane = false;

function showOwn(person) {
  const has = person?.pane === true;
  by("own").hidden = !has;
  if (has && !hadPane) {
    tell("The teacher has given you a pane to type SQL into.");
    by("sent").textContent = "What comes of it stands in your session below.";
    awaited = person.name;
    if (parts.panes) showPanes(parts.panes);
  }
  if (!has && hadPane) tell("The teacher has taken your pane back.");
  hadPane = has;
}

by("typed").addEventListener("submit", async (event) => {
  event.preventDefault();
  const sent = by("sent");
  try {
    await post("/sql", { sql: by("sql").value });
    by("sql").value = "";
    sent.textContent = "Sent.";
    sent.className = "";
  } catch (error) {
    sent.textContent = error.message;
    sent.className = "wrong";
  }
});

// Ctrl-Enter sends, as in many editors; Enter alone is a new line.
by("sql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) by("typed").requestSubmit();
});

// The teacher's remote

for (const button of by("buttons").children) {
  button.addEventListener("click", async () => {
    const steered = by("steered");
    try {
      await post("/steer", { key: button.dataset.key });
      steered.textContent = "";
    } catch (error) {
      steered.textContent = error.message;
    }
  });
}

function showMe() {
  by("call").hidden = me !== null;
  if (me === null) return;
  const person = parts[`person:${me.number}`];
  const words = person?.words ? `${me.name}: ${person.words}` : `You are ${me.name}.`;
  sayToMe(words, person?.state ?? "idle");
  showOwn(person);
  showRules();
}

function showRules() {
  const rules = parts.rules;
  if (!rules) return;
  const think = rules.think ? `${rules.think} s to think` : "no time to think";
  const how = `${rules.strategy} (${rules.words}), ${think}`;
  by("rules").textContent = rules.open ? `Press a seat. Booking: ${how}.` : `Booking is closed: ${how}.`;
  if (parts.tables) showTables(parts.tables);
}

const COUNTS = [
  ["people", "take part"], ["booked", "booked"], ["refused", "refused"], ["waiting", "waiting"], ["soldTwice", "sold twice"],
];

function showBoard(board) {
  by("counts").replaceChildren(...COUNTS.map(([name, words]) =>
    make("div", { class: name === "soldTwice" && board[name] ? "wrong" : null }, make("dt", {}, words), make("dd", {}, String(board[name])))));
  if (board.longestWait) {
    by("counts").append(make("div", {}, make("dt", {}, "longest wait"), make("dd", {}, board.longestWait)));
  }
  by("verdict").replaceChildren(...board.verdict.map((line) => make("li", {}, line)));
  by("verdict").className = board.soldTwice ? "wrong" : "";
}

function showPeople() {
  const people = Object.keys(parts).filter((name) => name.startsWith("person:")).map((name) => parts[name]);
  by("people").replaceChildren(...people.map((person) =>
    make("li", {}, make("strong", {}, person.name), person.words ? `: ${person.words}` : "")));
}

async function learnWho() {
  try {
    const known = await (await fetch("/me")).json();
    me = known.person;
    by("remote").hidden = !known.teacher;
  } catch {
    me = null;
  }
  showMe();
}

// The question

const answers = new Map();

function showQuestion(question) {
  by("question").hidden = question.seat === null;
  if (question.seat === null) return;
  by("question-title").textContent = `Who will have ${question.seat}?`;
  const list = by("answers");
  if (list.dataset.number !== String(question.number)) {
    list.dataset.number = question.number;
    tell(`You are asked: who will have ${question.seat}?`);
    list.replaceChildren(...question.bars.map(([answer]) => {
      const button = make("button", { type: "button" }, make("span", {}, answer), make("span", { class: "count" }));
      button.addEventListener("click", () => sendAnswer(question.number, answer));
      return make("li", {}, button);
    }));
  }
  const mine = answers.get(question.number);
  question.bars.forEach(([answer, count], place) => {
    const button = list.children[place].firstElementChild;
    button.setAttribute("aria-pressed", String(mine === answer));
    button.setAttribute("aria-disabled", String(!question.open));
    const counted = question.open ? "" : String(count);
    button.querySelector(".count").textContent = counted;
  });
  const isRight = me !== null && question.right.includes(me.number);
  const verdict = mine === undefined || !question.decided ? "" : isRight ? " You were right." : " You were not.";
  by("outcome").textContent = question.outcome ? `${question.outcome}.${verdict}` : "";
}

async function sendAnswer(number, answer) {
  if (parts.question?.open !== true) return;
  if (me === null) {
    sayToMe("Say your name first.", "wrong");
    by("name").focus();
    return;
  }
  try {
    await post("/answer", { number, answer });
    answers.set(number, answer);
    showQuestion(parts.question);
  } catch (error) {
    sayToMe(error.message, "wrong");
  }
}

// The feed

const SHOW = {
  rules: showRules, board: showBoard, question: showQuestion,
  course: showCourse, script: showScript, tables: showTables, panes: showPanes,
  waits: showWaits, timeline: showTimeline,
};

function take(changed) {
  for (const [name, value] of Object.entries(changed)) {
    if (name.startsWith("lines:")) takeLines(name.slice(6), value);
    else if (value === null) delete parts[name];
    else parts[name] = value;
  }
  for (const [name, show] of Object.entries(SHOW)) {
    if (changed[name] !== undefined && changed[name] !== null) show(changed[name]);
  }
  if (Object.keys(changed).some((name) => name.startsWith("person:"))) showPeople();
  if (me !== null && changed[`person:${me.number}`] !== undefined) showMe();
}

function follow() {
  source = new EventSource("/events");
  source.addEventListener("whole", (event) => {
    lines.clear();
    for (const name of Object.keys(parts)) delete parts[name];
    take(JSON.parse(event.data));
    document.body.dataset.event = event.lastEventId;
  });
  source.addEventListener("change", (event) => {
    take(JSON.parse(event.data));
    document.body.dataset.event = event.lastEventId;
  });
  source.addEventListener("open", () => say(""));
  source.addEventListener("error", () => {
    say("The connection was lost; trying again.", true);
    if (source.readyState === EventSource.CLOSED) comeAgain();
  });
}

// Where the browser has given up: was the room closed, or only the line cut?
async function comeAgain() {
  try {
    const answer = await fetch("/");
    if (answer.status === 403) {
      say("This room was closed. Scan the code on the projector again.", true);
      return;
    }
  } catch {
    // The line is still cut.
  }
  setTimeout(follow, 2000);
}

learnWho().then(follow);
