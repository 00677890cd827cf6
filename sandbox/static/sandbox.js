"use strict";
// The phones: polls the state once a second and repaints only what changed.

const ROOT = document.body.dataset.root;
const FIRST_LABELS = ["店主", "业务员", "经理", "仓管"];
const CHOSEN_KEY = "sandbox-phones";
const MOST_BUBBLES = 20000;
const world = { epoch: "", version: 0, noted: "0", bubbles: new Map(), people: [], groups: [], menu: [] };
const phones = new Map();
let chosen = null;
let drawn = "";
let faultsDrawn = "";

const byId = (id) => document.getElementById(id);
const personKey = (person) => `p ${person.platform} ${person.user_id}`;
const groupKey = (group) => `g ${group.platform} ${group.name}`;
const platformName = (platform) => (platform === "wecom" ? "企业微信" : "钉钉");
const foldId = (platform, id) => (platform === "wecom" ? id.toLowerCase() : id);

async function post(path, fields) {
  try {
    const answer = await fetch(ROOT + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
    const told = await answer.json();
    if (!told.ok) toast(told.message);
    return told.ok;
  } catch {
    toast("沙盒没有回答，请看看服务是否还在运行。");
    return false;
  } finally {
    await poll();
  }
}

function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  node.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { node.hidden = true; }, 6000);
}

// --- which phones are on the table

function everything() {
  const people = world.people.map((person) => ({
    key: personKey(person), platform: person.platform, name: person.name,
    label: person.label, user: person.user_id, person,
  }));
  const groups = world.groups.map((group) => ({
    key: groupKey(group), platform: group.platform, name: group.name,
    label: `${platformName(group.platform)}群`, group,
  }));
  return [...people, ...groups];
}

function firstChoice(all) {
  const firsts = FIRST_LABELS.map((label) => all.find((one) => one.person && one.label.includes(label)));
  const group = all.find((one) => one.group && one.group.listens) || all.find((one) => one.group);
  const picked = [...new Set([...firsts, group].filter(Boolean).map((one) => one.key))];
  return all.length <= 6 || !picked.length ? all.slice(0, 6).map((one) => one.key) : picked;
}

function remembered(all) {
  try {
    const keys = JSON.parse(localStorage.getItem(CHOSEN_KEY) || "null");
    const known = keys && keys.filter((key) => all.some((one) => one.key === key));
    return known && known.length ? known : null;
  } catch {
    return null;
  }
}

function toggle(key) {
  chosen = chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key];
  localStorage.setItem(CHOSEN_KEY, JSON.stringify(chosen));
  drawn = "";
  draw();
}

function drawChips(all) {
  const wanted = byId("search").value.trim();
  const shown = all.filter((one) => !wanted || (one.name + one.label).includes(wanted)).slice(0, 60);
  byId("chips").replaceChildren(...shown.map((one) => {
    const chip = element("button", `chip ${one.platform}`, `${one.name} · ${one.label}`);
    chip.type = "button";
    chip.setAttribute("aria-pressed", String(chosen.includes(one.key)));
    chip.addEventListener("click", () => toggle(one.key));
    return chip;
  }));
}

// --- one phone

function field(placeholder, action, send) {
  const form = element("form", "line");
  const input = element("input");
  input.placeholder = placeholder;
  input.setAttribute("aria-label", placeholder);
  input.autocomplete = "off";
  const button = element("button", "send", action);
  form.append(input, button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    button.disabled = true;
    await send(text);
    button.disabled = false;
  });
  return form;
}

function tool(label, action) {
  const button = element("button", "tool", label);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}

function pictureTool(one) {
  const picker = element("input");
  picker.type = "file";
  picker.accept = "image/png,image/jpeg";
  picker.hidden = true;
  picker.addEventListener("change", () => sendPicture(one, picker));
  const label = element("label", "tool", "发照片");
  label.append(picker);
  return label;
}

function sendPicture(one, picker) {
  const file = picker.files[0];
  picker.value = "";
  if (!file) return;
  const reader = new FileReader();
  reader.addEventListener("load", () => post("act", {
    act: "image", platform: one.platform, user: one.user, name: file.name,
    content: String(reader.result).split(",")[1] || "",
  }));
  reader.readAsDataURL(file);
}

function menuTools(one) {
  const entries = world.menu.flatMap((entry) => (entry.sub_button || []).length ? entry.sub_button : [entry]);
  return entries.filter((entry) => entry.type === "click" || safeUrl(entry.url)).map((entry) => (
    entry.type === "click"
      ? tool(entry.name, () => post("act", { act: "menu", user: one.user, key: entry.key }))
      : Object.assign(anchor(entry.name, entry.url), { className: "tool" })
  ));
}

function toolsOf(one, scanner) {
  const tools = element("div", "tools");
  if (one.platform === "wecom") {
    tools.append(
      tool("扫一扫", () => {
        scanner.hidden = !scanner.hidden;
        if (!scanner.hidden) scanner.querySelector("input").focus();
      }),
      tool("进入会话", () => post("act", { act: "enter", user: one.user })),
      tool("发位置", () => post("act", {
        act: "location", user: one.user, lat: 30.5728, lon: 104.0668, label: "成都市锦江区",
      })),
    );
  }
  tools.append(pictureTool(one));
  if (one.platform === "wecom") tools.append(...menuTools(one));
  return tools;
}

function personFoot(one) {
  const scanner = field("二维码里的内容", "扫", (text) => post("act", { act: "scan", user: one.user, text }));
  scanner.hidden = true;
  const line = field("说点什么", "发送", (text) => post("act", {
    act: "say", platform: one.platform, user: one.user, text,
  }));
  const foot = element("footer");
  foot.append(toolsOf(one, scanner), scanner, line);
  return foot;
}

function groupFoot(one, phone) {
  const foot = element("footer");
  const who = element("select", "who");
  who.setAttribute("aria-label", "以谁的身份");
  for (const person of world.people.filter((each) => each.platform === one.platform)) {
    const option = element("option", "", `以 ${person.name}（${person.label}）的身份`);
    option.value = person.user_id;
    who.append(option);
  }
  phone.viewer = () => who.value;
  who.addEventListener("change", () => { phone.seen.clear(); drawPhone(phone); });
  const hint = one.group.listens ? "在群里 @机器人 说" : "在群里说（机器人听不到）";
  foot.append(who, field(hint, "发送", (text) => post("act", {
    act: "group_say", platform: one.platform, group: one.name, user: who.value, text,
  })));
  return foot;
}

function makePhone(one) {
  const node = element("section", `phone ${one.platform}`);
  node.setAttribute("aria-label", one.name);
  const head = element("header");
  const label = one.group ? one.label : `${one.label} · ${platformName(one.platform)}`;
  const plain = one.person && one.person.plain_wechat ? " · 微信插件" : "";
  head.append(element("strong", "", one.name), element("span", "", `${label}${plain}`));
  const close = tool("×", () => toggle(one.key));
  close.setAttribute("aria-label", `收起 ${one.name}`);
  head.append(close);
  const chat = element("div", "chat");
  chat.setAttribute("role", "log");
  chat.tabIndex = 0;
  const phone = { one, node, chat, seen: new Map(), viewer: () => one.user };
  node.append(head, chat, one.group ? groupFoot(one, phone) : personFoot(one));
  return phone;
}

function belongs(bubble, one) {
  if (bubble.platform !== one.platform || bubble.in_group !== Boolean(one.group)) return false;
  if (one.group) return bubble.place === one.name;
  return foldId(one.platform, bubble.place) === foldId(one.platform, one.user);
}

function drawPhone(phone) {
  const { one, chat, seen } = phone;
  const near = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 120;
  let fresh = false;
  for (const bubble of world.bubbles.values()) {
    if (!belongs(bubble, one) || seen.get(bubble.id) === bubble.version) continue;
    const node = bubbleNode(bubble, phone.viewer(), ROOT, (key, choices) => post("act", {
      act: "press", platform: one.platform, user: phone.viewer(), bubble: bubble.id, key, choices,
    }));
    const old = chat.querySelector(`#bubble-${bubble.id}`);
    if (old) {
      node.classList.add("changed");
      old.replaceWith(node);
    } else {
      chat.append(node);
      fresh = true;
      // A picture grows when it has loaded, which would leave the end of the chat below.
      const follow = () => { if (near) chat.scrollTop = chat.scrollHeight; };
      node.querySelectorAll("img").forEach((image) => image.addEventListener("load", follow));
    }
    seen.set(bubble.id, bubble.version);
  }
  while (chat.childElementCount > 500) chat.firstElementChild.remove();
  if (fresh && near) chat.scrollTop = chat.scrollHeight;
}

function draw() {
  const all = everything();
  if (!all.length) return;
  chosen = chosen || remembered(all) || firstChoice(all);
  const picture = JSON.stringify([chosen, world.people, world.groups, world.menu]);
  if (picture !== drawn) {
    drawn = picture;
    drawChips(all);
    phones.clear();
    for (const one of all.filter((each) => chosen.includes(each.key))) phones.set(one.key, makePhone(one));
    byId("phones").replaceChildren(...Array.from(phones.values(), (phone) => phone.node));
  }
  for (const phone of phones.values()) drawPhone(phone);
}

// --- faults and log

function faultRow(fault) {
  const row = element("form", "fault");
  row.append(element("span", "", fault.label));
  const inputs = {};
  for (const [name, label, step, max] of [["next", "接下来", "1", "1000"], ["chance", "概率", "0.05", "1"]]) {
    const box = element("label", "", label);
    const input = element("input");
    Object.assign(input, { type: "number", min: "0", max, step, value: fault[name] });
    inputs[name] = input;
    box.append(input);
    row.append(box);
  }
  row.addEventListener("submit", (event) => event.preventDefault());
  row.addEventListener("change", () => post("faults", {
    name: fault.name, next: Number(inputs.next.value), chance: Number(inputs.chance.value),
  }));
  return row;
}

function drawPanel(state) {
  const faults = JSON.stringify(state.faults);
  const typing = byId("faults").contains(document.activeElement);
  if (faults !== faultsDrawn && !typing) {
    faultsDrawn = faults;
    byId("faults").replaceChildren(...state.faults.map(faultRow));
  }
  byId("holding").hidden = !state.holding;
  for (const note of state.notes) {
    byId("notes").prepend(element("li", "", `${clockOf(note.at)} ${note.text}`));
    world.noted = note.id;
  }
  while (byId("notes").childElementCount > 200) byId("notes").lastElementChild.remove();
}

// --- polling

function take(state) {
  if (state.epoch !== world.epoch) {
    world.epoch = state.epoch;
    world.bubbles.clear();
    world.noted = "0";
    byId("notes").replaceChildren();
    drawn = "";
  }
  state.bubbles.sort((left, right) => left.id - right.id);
  for (const bubble of state.bubbles) world.bubbles.set(bubble.id, bubble);
  for (const id of world.bubbles.keys()) {
    if (world.bubbles.size <= MOST_BUBBLES) break;
    world.bubbles.delete(id);
  }
  Object.assign(world, {
    version: state.version, people: state.people, groups: state.groups, menu: state.menu,
  });
  draw();
  drawPanel(state);
}

let polling = null;

async function pollOnce() {
  const query = new URLSearchParams({ epoch: world.epoch, since: world.version, noted: world.noted });
  const answer = await fetch(`${ROOT}state?${query}`);
  if (!answer.ok) throw new Error(String(answer.status));
  take(await answer.json());
}

function poll() {
  polling = polling || pollOnce()
    .then(() => { byId("link").textContent = ""; })
    .catch(() => { byId("link").textContent = "连接断开，正在重试"; })
    .finally(() => { polling = null; });
  return polling;
}

// Another font makes words longer, which would leave the ends of the chats below.
new MutationObserver(() => {
  for (const { chat } of phones.values()) chat.scrollTop = chat.scrollHeight;
}).observe(document.documentElement, { attributeFilter: ["class"] });
byId("search").addEventListener("input", () => { if (chosen) drawChips(everything()); });
byId("calm").addEventListener("click", () => post("faults", { calm: true }));
byId("release").addEventListener("click", () => post("faults", { release: true }));
byId("open-panel").addEventListener("click", () => {
  const panel = byId("panel");
  panel.hidden = !panel.hidden;
  byId("open-panel").setAttribute("aria-expanded", String(!panel.hidden));
});
setInterval(poll, 1000);
poll();
