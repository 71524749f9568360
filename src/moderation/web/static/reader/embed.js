/* The comment widget: one script tag puts an article's thread and form into any page.
 *
 *   <script async src="https://HOST/embed.js" data-site="SITE" data-article="ID or URL" data-title="…"></script>
 *
 * or, by hand, <comment-thread site="SITE" article="ID or URL" article-title="…" theme="light|dark"></comment-thread>.
 * Readers who are signed in at the page's own login bring its token: data-author-token="…", author-token="…", or the
 * property authorToken, which may be set later.
 * It needs script-src and connect-src of HOST and nothing else of the page: no eval, no HTML parsing, no inline style.
 * Whatever happens here, the page around it stays as it is. The style sheet is put in by the server (web/pages.py).
 */
(() => {
  "use strict";
  const STYLE = "@@STYLE@@";
  const WORDS = "@@WORDS@@"; // by language, then by what it is in English
  const PATIENCE = 5000; // milliseconds until a request is given up
  const REL = "nofollow ugc noopener";
  const BLOCKS = new Set(["p", "pre", "blockquote", "ul", "ol", "li"]);
  const ELEMENTS = new Set([...BLOCKS, "br", "em", "strong", "s", "code", "a"]);
  const FIELDS = { "/body": "body", "/author/name": "name", "/author/email": "email", "/author/url": "url" };
  const script = document.currentScript;
  const BASE = new URL(".", script ? script.src : document.baseURI);

  let language = "en";
  const speak = (code) => {
    language = code in WORDS ? code : "en";
  };
  speak(document.documentElement.lang.slice(0, 2)); // until the server tells that of the site
  const _ = (sentence, values = {}) => {
    const said = (WORDS[language] || {})[sentence] || sentence;
    return said.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  };

  /* A sentence with an element where it has its name in braces. */
  const around = (sentence, element) => {
    const [before, after] = sentence.split("{name}");
    return [before, element, after || ""];
  };

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  };

  const act = (label, attributes, then) => {
    const button = make("button", { type: "button", ...attributes }, label);
    button.addEventListener("click", then);
    return button;
  };

  /* Storage may be blocked or full. Drafts are a courtesy, and nothing else depends on it. */
  const recall = (area, key) => {
    try {
      return JSON.parse(window[area].getItem(key));
    } catch {
      return null;
    }
  };
  const keep = (area, key, value) => {
    try {
      if (value) window[area].setItem(key, JSON.stringify(value));
      else window[area].removeItem(key);
    } catch {
      return;
    }
  };

  const webAddress = (text) => {
    try {
      const url = new URL(text);
      return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
    } catch {
      return "";
    }
  };

  /* The server's tree of a comment's text, as elements: only those of the list, only links to the web. */
  const grow = (nodes, into, depth = 0) => {
    for (const node of Array.isArray(nodes) ? nodes : []) {
      if (typeof node === "string") into.append(node);
      else if (Array.isArray(node)) {
        const [tag, children, attributes] = node;
        const href = tag === "a" ? webAddress(attributes && attributes.href) : "";
        const start = tag === "ol" && attributes && /^\d{1,9}$/.test(attributes.start) ? attributes.start : null;
        let target = into;
        if (ELEMENTS.has(tag) && (tag !== "a" || href)) {
          target = make(tag, href ? { href, rel: REL } : { start, dir: BLOCKS.has(tag) ? "auto" : null });
          into.append(target);
        }
        if (depth < 50) grow(children, target, depth + 1);
      }
    }
    return into;
  };

  const paragraphs = (text) =>
    text.split(/\n\s*\n/).map((part) => ["p", part.split("\n").flatMap((line, at) => (at ? [["br"], line] : [line]))]);

  const when = (iso) => {
    const date = new Date(iso);
    if (Number.isNaN(date.getTime())) return make("span");
    const words = date.toLocaleString(language === "en" ? "en-GB" : language, { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" });
    return make("time", { datetime: date.toISOString() }, words);
  };

  const ask = async (path, options) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const response = await fetch(new URL(path, BASE), { credentials: "omit", signal: stop.signal, ...options });
      const wait = Math.ceil(Number(response.headers.get("Retry-After"))) || 0;
      return { status: response.status, wait, body: await response.json().catch(() => null) };
    } catch {
      return { status: 0, wait: 0, body: null };
    } finally {
      clearTimeout(timer);
    }
  };

  /* What a token says; whether it is true, the server tells. */
  const claimsOf = (token) => {
    try {
      const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes)) || {};
    } catch {
      return {};
    }
  };

  /* @@PROOF@@ */
  /* @@LEFT@@ */

  class CommentThread extends HTMLElement {
    static observedAttributes = ["author-token"];

    get authorToken() {
      return this.getAttribute("author-token") || "";
    }

    set authorToken(token) {
      if (token) this.setAttribute("author-token", token);
      else this.removeAttribute("author-token");
    }

    attributeChangedCallback() {
      if (this.inputs) this.greet();
    }

    connectedCallback() {
      if (this.shadowRoot) return;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      this.site = this.getAttribute("site") || "";
      const canonical = document.querySelector("link[rel=canonical]");
      this.article = this.getAttribute("article") || (canonical ? canonical.href : location.origin + location.pathname);
      this.memory = `moderation:${this.site}:${this.article}`;
      this.ownKey = `moderation:own:${this.site}`;
      this.texts = `${this.memory}:waiting`;
      this.receipts = `moderation:receipts:${this.site}`;
      /* Whoever has just confirmed their address comes back with what this browser keeps of it. */
      const own = /^#moderation-own=(own\.[\w.-]{40,160})$/.exec(location.hash);
      if (own) {
        keep("localStorage", this.ownKey, own[1]);
        history.replaceState(history.state, "", location.pathname + location.search);
      }
      this.query = new URLSearchParams({ article: this.article });

      this.heading = make("h2", { class: "cm-heading", id: "heading" }, _("Comments"));
      this.list = make("ol", { class: "cm-list" });
      this.more = act(_("Show more comments"), { class: "cm-button cm-quiet cm-more", hidden: true }, () => this.showMore());
      this.down = make("div", { class: "cm-down", role: "alert", hidden: true });
      this.live = make("p", { class: "cm-live", role: "status" });
      this.home = make("div");
      this.section = make("section", { class: "cm", lang: language, "aria-labelledby": "heading", "aria-busy": "true" });
      this.data = make("p", { class: "cm-say", hidden: true });
      this.section.append(this.heading, this.list, this.more, this.down, this.live, this.home, this.data);
      this.shadowRoot.append(this.section);
      this.follow();
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.follow());
      window.addEventListener("hashchange", () => this.find());
      this.start();
    }

    /* Light or dark as the page is: told by its own text colour, which reaches in here by inheritance. */
    follow() {
      const rgb = /^rgba?\((\d+), (\d+), (\d+)/.exec(getComputedStyle(this).color);
      const light = rgb && 0.2126 * rgb[1] + 0.7152 * rgb[2] + 0.0722 * rgb[3] > 128;
      const told = this.getAttribute("theme");
      if (told === "light" || told === "dark") this.section.dataset.theme = told;
      else if (rgb) this.section.dataset.theme = light ? "dark" : "light";
    }

    /* ---- reading ---- */

    async start() {
      this.shown = new Map();
      this.next = null;
      this.section.setAttribute("aria-busy", "true");
      const page = await this.page();
      try {
        if (page) this.show(page);
        else this.sayDown();
      } catch {
        this.sayDown(); // an answer that no server of ours gives
      }
      this.section.setAttribute("aria-busy", "false");
    }

    show(page) {
      this.down.hidden = true;
      this.rules = page.form || {};
      speak(this.rules.language);
      this.section.lang = language;
      this.more.textContent = _("Show more comments");
      this.list.replaceChildren();
      this.closed = Boolean(page.article && page.article.closed);
      this.sayCount(Number(page.count) || 0);
      if (this.closed) this.home.replaceChildren(make("p", { class: "cm-say" }, _("Comments are closed.")));
      else if (!this.respond) this.buildForm();
      const data = this.rules.privacy ? webAddress(new URL(this.rules.privacy, BASE).href) : "";
      this.data.hidden = !data;
      this.data.replaceChildren(make("a", { class: "cm-act", href: data || null }, _("Your data: get a copy, or delete it")));
      this.add(page);
      this.find();
    }

    sayCount(count) {
      this.count = count;
      const none = this.closed ? _("No comments") : this.shown.size ? _("Comments") : _("Be the first to comment");
      this.heading.textContent = count === 1 ? _("1 comment") : count ? _("{n} comments", { n: count }) : none;
      if (this.caption && !this.parent) this.caption.textContent = count ? _("Leave a Reply") : _("Leave a comment");
    }

    /* `unseen`: for those who listen, where it stands in sight already. */
    say(words, unseen = false) {
      this.live.className = unseen ? "cm-hidden" : "cm-live";
      this.live.textContent = words;
    }

    async page() {
      /* "no-cache" asks whether it has changed: a reload shows what was approved a moment ago. */
      const answer = await ask(`v1/${encodeURIComponent(this.site)}/comments?${this.query}`, { cache: "no-cache" });
      const good = answer.status === 200 && answer.body && Array.isArray(answer.body.comments);
      this.why = !good && answer.body ? String(answer.body.detail || "") : "";
      return good ? answer.body : null;
    }

    sayDown() {
      const again = act(_("Try again"), { class: "cm-button" }, () => {
        again.textContent = _("Trying again…");
        this.start();
      });
      const link = make("a", { href: this.threadPage() }, _("Open the comments on a page of their own"));
      this.down.hidden = false;
      this.down.replaceChildren(make("p", {}, _("The comments could not be loaded. The article is not affected."), " ", this.why), again, link);
    }

    threadPage() {
      return new URL(`t/${encodeURIComponent(this.site)}?${new URLSearchParams({ article: this.article })}`, BASE).href;
    }

    async showMore() {
      this.query.set("cursor", this.next);
      const page = await this.page();
      this.query.delete("cursor");
      if (!page) {
        this.more.textContent = _("More comments could not be loaded. Try again");
        return;
      }
      this.more.textContent = _("Show more comments");
      const first = this.add(page);
      this.fold();
      if (first) first.focus();
    }

    add(page) {
      let first = null;
      for (const comment of page.comments) {
        const sent = comment && this.shown.get(comment.id);
        if (sent && sent.waiting) this.unplace(comment.id); // no longer: it is public
        const placed = comment && typeof comment.id === "string" && !this.shown.has(comment.id) ? this.place(comment) : null;
        first = first || placed;
      }
      this.next = typeof page.next === "string" ? page.next : null;
      this.more.hidden = !this.next;
      this.showOwn();
      return first;
    }

    /* Puts a comment under the one it answers; from the deepest level on, behind it. */
    place(comment, waiting = false) {
      const parent = this.shown.get(comment.parent);
      const deepest = Number(this.rules.depth) || 5;
      let list = this.list;
      let level = 0;
      if (parent && parent.level + 1 < deepest) {
        if (!parent.replies) {
          parent.replies = make("ol", { class: "cm-list" });
          parent.item.append(parent.replies);
        }
        list = parent.replies;
        level = parent.level + 1;
      } else if (parent) {
        list = parent.list;
        level = parent.level;
      }
      const card = waiting ? this.waitingCard(comment) : this.card(comment, parent && list === parent.list ? parent : null);
      const item = make("li", {}, card);
      list.append(item);
      this.shown.set(comment.id, { item, card, list, level, waiting, replies: null, name: this.nameOf(comment) });
      this.sayCount(this.count);
      return card;
    }

    /* A very tall text is cut short (comments.css) until its reader wants the rest. */
    fold() {
      for (const text of [...this.list.querySelectorAll(".cm-text")].filter((each) => each.scrollHeight > 700)) {
        if (text.nextSibling && text.nextSibling.matches(".cm-fold")) continue;
        text.after(make("details", { class: "cm-fold" }, make("summary", { class: "cm-act" }, make("span", {}, _("Show more")), make("span", {}, _("Show less")))));
      }
    }

    nameOf(comment) {
      return String((comment.author && comment.author.name) || "");
    }

    meta(comment, ...rest) {
      const name = this.nameOf(comment);
      const href = webAddress(comment.author && comment.author.url);
      const shown = make("bdi", { class: "cm-name", lang: "" }, href ? make("a", { href, rel: REL }, name) : name);
      return make("header", { class: "cm-meta" }, shown, ...rest);
    }

    card(comment, answered) {
      const meta = this.meta(comment, make("a", { class: "cm-when", href: `#comment-${comment.id}` }, when(comment.created_at)));
      if (answered) meta.append(make("span", { class: "cm-answers" }, ...around(_("in reply to {name}"), make("bdi", {}, answered.name))));
      const text = grow(comment.nodes, make("div", { class: "cm-text", dir: "auto", lang: "" }));
      const card = make("article", { class: "cm-comment", tabindex: "-1" }, meta, text);
      if (!this.closed) {
        const label = _("Reply to {name}", { name: this.nameOf(comment) });
        card.append(act(_("Reply"), { class: "cm-act", "aria-label": label }, () => this.reply(comment.id)));
      }
      if (Array.isArray(this.rules.reasons) && this.rules.reasons.length) {
        const label = _("Report the comment by {name}", { name: this.nameOf(comment) });
        const report = act(_("Report"), { class: "cm-act cm-report", "aria-label": label }, () => this.report(comment.id, card, report));
        card.append(" ", report);
      }
      return card;
    }

    /* The form of a report, under its comment: one of the site's reasons, and words of one's own. */
    report(id, card, button) {
      const open = card.querySelector(".cm-reporting");
      if (open) return open.querySelector("input").focus();
      const choice = make("fieldset", { class: "cm-choice" }, make("legend", {}, _("What is wrong with it?")));
      for (const reason of this.rules.reasons) {
        const radio = make("input", { type: "radio", name: "reason", value: String(reason.code) });
        choice.append(make("label", {}, radio, ` ${reason.label}`));
      }
      const words = make("textarea", { rows: "3", dir: "auto", maxlength: "500", "aria-label": _("In your own words") });
      const wrong = make("p", { class: "cm-error", role: "alert" });
      const send = make("button", { type: "submit", class: "cm-button" }, _("Send the report"));
      const done = (instead) => {
        form.replaceWith(...instead);
        (instead[0] || button).focus();
      };
      const note = make("p", { class: "cm-note" }, _("Only moderators see this. Your name is not asked for, and not kept."));
      const cancel = act(_("Cancel"), { class: "cm-act cm-cancel" }, () => done([]));
      const label = _("Report a comment");
      const own = make("label", {}, _("In your own words"), words);
      const mail = make("input", { type: "email", autocomplete: "email", maxlength: "254" });
      const told = make("p", { class: "cm-note" }, _("We write to it that your report has come, and what was decided. It is kept for that alone."));
      const byMail = this.rules.report_mail ? [make("div", { class: "cm-field" }, make("label", {}, _("Email (optional)"), mail), told)] : [];
      const form = make("form", { class: "cm-form cm-reporting", novalidate: true, "aria-label": label }, wrong, choice, make("div", { class: "cm-field" }, own), ...byMail, note, make("div", {}, send, cancel));
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (form.sending) return;
        form.sending = true;
        const picked = form.querySelector("input:checked");
        const value = { reason: picked ? picked.value : "", explanation: words.value.trim() || undefined, email: mail.value.trim() || undefined };
        const path = `v1/${encodeURIComponent(this.site)}/comments/${encodeURIComponent(id)}/reports`;
        const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) };
        const { status, wait, body } = await ask(path, sent);
        form.sending = false;
        if (status === 202) {
          button.remove();
          done([make("p", { class: "cm-note", role: "status", tabindex: "-1" }, String((body && body.message) || ""))]);
          return;
        }
        const first = body && Array.isArray(body.errors) && body.errors[0];
        if (status === 429) wrong.textContent = _("Please wait {seconds} seconds and send it again.", { seconds: wait || 5 });
        else wrong.textContent = String((first && first.detail) || _("This did not work. Please try again."));
        const place = { "/reason": choice.querySelector("input"), "/email": mail }[first && first.pointer];
        (place || send).focus();
      });
      for (const kind of ["keydown", "keypress", "keyup"]) form.addEventListener(kind, (event) => event.stopPropagation());
      card.append(form);
      choice.querySelector("input").focus();
    }

    waitingCard(comment) {
      const text = make("div", { class: "cm-text cm-sent", dir: "auto", lang: "" }, comment.body || "");
      const mark = make("span", { class: "cm-mark" }, _("Awaiting moderation. Only you can see this."));
      return make("article", { class: "cm-comment cm-waiting", tabindex: "-1" }, this.meta(comment, mark), text);
    }

    /* What readers may do about their own comment: by its receipt, which only this browser was given. */
    askOwn(one, options) {
      return ask(`v1/${encodeURIComponent(this.site)}/receipts/${encodeURIComponent(one.receipt)}`, { cache: "no-store", ...options });
    }

    ownActs(one, waiting) {
      const line = make("p", { class: "cm-own" });
      const say = make("span", { "aria-live": "polite" });
      const edit = act(_("Edit"), { class: "cm-act cm-edit", hidden: !waiting }, () => this.editOwn(one, line, say));
      const back = act(_("Take back"), { class: "cm-act" }, async () => {
        if (!back.dataset.sure) {
          back.dataset.sure = "yes";
          back.textContent = _("Really delete it?");
          return;
        }
        const { status } = await this.askOwn(one, { method: "DELETE" });
        if (status !== 204 && status !== 404) {
          say.textContent = _("It could not be taken back. Please try again.");
          return;
        }
        this.forgetOwn(one);
        this.say(_("You have taken your comment back."));
        (this.inputs ? this.inputs.body.input : this.section).focus();
      });
      const page = make("a", { href: new URL(`r/${encodeURIComponent(one.receipt)}`, BASE).href, class: "cm-act", target: "_blank", rel: "noopener" }, _("See how it stands"));
      line.append(edit, back, page, say);
      return line;
    }

    async editOwn(one, line, say) {
      if (line.parentNode.querySelector(".cm-anew")) return;
      const { status, body } = await this.askOwn(one);
      if (status !== 200 || !body || !body.edit_until) {
        say.textContent = status === 200 ? _("The time for writing it anew is over.") : _("This did not work. Please try again.");
        return;
      }
      const input = make("textarea", { rows: "6", dir: "auto", "aria-label": _("Your comment") });
      input.value = one.body || "";
      const done = () => {
        anew.remove();
        line.querySelector("button").focus();
      };
      const save = act(_("Replace the text"), { class: "cm-button" }, async () => {
        const sent = { method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ version: body.version, body: input.value }) };
        const answer = await this.askOwn(one, sent);
        const told = answer.body || {};
        if (answer.status !== 200) {
          const first = Array.isArray(told.errors) && told.errors[0];
          say.textContent = String((first && first.detail) || told.title || _("This did not work. Please try again."));
          return;
        }
        one.body = input.value;
        this.rememberOwn(one);
        const { card } = this.shown.get(one.id);
        const text = card.querySelector(".cm-text");
        text.classList.add("cm-sent");
        text.textContent = one.body;
        card.classList.add("cm-waiting");
        say.textContent = _("Your new text awaits moderation.");
        done();
      });
      const anew = make("div", { class: "cm-anew cm-field" }, input, save, act(_("Cancel"), { class: "cm-act" }, done));
      for (const kind of ["keydown", "keypress", "keyup"]) anew.addEventListener(kind, (event) => event.stopPropagation());
      line.before(anew);
      input.focus();
    }

    /* What this browser keeps of them: their texts for this visit, their receipts while a second look can be asked for.
     * A receipt holds neither text nor name; where storage is blocked, there is only what this page has sent. */
    kept(area, key) {
      const list = recall(area, key);
      return (Array.isArray(list) ? list : []).filter((one) => one && one.id && !(one.until < Date.now()));
    }

    change(area, key, id, ...instead) {
      const list = [...this.kept(area, key).filter((one) => one.id !== id), ...instead].slice(-20);
      keep(area, key, list.length ? list : null);
    }

    ownKept() {
      const own = new Map();
      const receipts = this.kept("localStorage", this.receipts).filter(({ article }) => article === this.article);
      for (const one of [...receipts, ...this.kept("sessionStorage", this.texts)]) own.set(one.id, { ...own.get(one.id), ...one });
      return [...own.values()];
    }

    rememberOwn(one) {
      const { id, parent, receipt } = one;
      this.change("sessionStorage", this.texts, id, one);
      const days = Number(this.rules.receipt_days);
      const until = one.until || Date.now() + days * 864e5;
      if (receipt && days) this.change("localStorage", this.receipts, id, { id, parent, receipt, article: this.article, until });
    }

    forgetOwn({ id }) {
      this.change("sessionStorage", this.texts, id);
      this.change("localStorage", this.receipts, id);
      this.unplace(id);
    }

    unplace(id) {
      const shown = this.shown.get(id);
      if (!shown) return;
      if (this.respond && shown.item.contains(this.respond)) this.reply(null);
      if (shown.replies) {
        shown.card.replaceChildren(make("p", { class: "cm-note" }, _("You have taken your comment back.")));
        return;
      }
      shown.item.remove();
      this.shown.delete(id);
      this.sayCount(this.count - (shown.waiting ? 0 : 1));
    }

    /* How it stands decides what may be done about it. One whose text another page has sent comes in sight only then. */
    async checkOwn(one) {
      const { status, body } = await this.askOwn(one);
      if (status === 404) this.forgetOwn(one);
      if (status !== 200 || !body) return;
      let shown = this.shown.get(one.id);
      if (body.status === "approved" && (!shown || shown.waiting)) {
        this.unplace(one.id); // public by now, on a later page
        return;
      }
      if (!shown) {
        this.place(one, true).append(this.ownActs(one, true));
        shown = this.shown.get(one.id);
      }
      const line = shown.card.querySelector(".cm-own");
      line.querySelector(".cm-edit").hidden = !body.edit_until;
      if (body.status !== "rejected" || !shown.waiting) return;
      const reason = typeof body.reason === "string" ? ` ${_("Reason: {reason}.", { reason: body.reason })}` : "";
      shown.card.querySelector(".cm-mark").textContent = _("Your comment was not published.") + reason;
      if (body.can_appeal) line.querySelector("a").textContent = _("Ask for a second look");
      else this.change("localStorage", this.receipts, one.id);
    }

    /* The reader's own comments: what may be done about those in sight, and those that are not public yet. */
    showOwn(own = this.ownKept()) {
      for (const one of own) {
        if (one.body && !this.shown.has(one.id)) this.place(one, true);
        const shown = this.shown.get(one.id);
        if (!one.receipt || (shown && shown.card.querySelector(".cm-own"))) continue;
        if (shown) shown.card.append(this.ownActs(one, shown.waiting));
        this.checkOwn(one);
      }
      this.fold();
    }

    /* A permalink's fragment does not reach into a shadow root, so its comment is looked for here. */
    async find() {
      const id = /^#comment-([\w-]{1,64})$/.exec(location.hash);
      if (!id || !this.shown) return;
      while (this.next && !this.shown.has(id[1])) {
        const before = this.next;
        await this.showMore();
        if (this.next === before) return;
      }
      for (const [each, { card }] of this.shown) card.toggleAttribute("data-found", each === id[1]);
      const found = this.shown.get(id[1]);
      if (found) this.look(found.card);
    }

    look(card) {
      this.fold();
      card.scrollIntoView();
      card.focus({ preventScroll: true });
    }

    /* ---- writing ---- */

    buildForm() {
      const needsEmail = this.rules.email !== "optional";
      this.inputs = {
        body: this.field("body", _("Comment"), true, make("textarea", { rows: "6", dir: "auto" })),
        name: this.field("name", _("Name"), true, make("input", { type: "text", autocomplete: "name", dir: "auto" })),
        email: this.field("email", _("Email"), needsEmail, make("input", { type: "email", autocomplete: "email" })),
        url: this.field("url", _("Website"), false, make("input", { type: "url", autocomplete: "url", inputmode: "url" })),
      };
      const box = make("input", { type: "checkbox", id: "remember" });
      const words = _("Save my name, email, and website in this browser for the next time I comment.");
      this.remember = box;
      this.button = make("button", { type: "submit", class: "cm-button" }, _("Post Comment"));
      this.errors = make("div", { class: "cm-errors", role: "alert", tabindex: "-1", hidden: true });
      const note = make("p", { class: "cm-note", id: "note" });
      if (this.rules.verify === "mail") note.append(_("You may get a letter to confirm your email address."), " ");
      note.append(_("Your email address will not be published. Required fields are marked"), " ");
      note.append(make("span", { class: "cm-star" }, "*"));
      const marks = _("You can write {name}, quotes after > and links.");
      const shows = make("span", {}, make("code", {}, "**", make("strong", {}, _("bold")), "**"), ", ", make("code", {}, "*", make("em", {}, _("italic")), "*"));
      const left = make("p", { class: "cm-left", "aria-live": "polite" });
      this.inputs.body.field.append(make("p", { class: "cm-hint", id: "marks" }, ...around(marks, shows)), left);
      countLeft(this.inputs.body.input, Number(this.rules.body_max) || Infinity, (count) => {
        left.textContent = count === null ? "" : count < 0 ? _("Characters too many: {n}", { n: -count }) : _("Characters left: {n}", { n: count });
      });
      this.caption = make("h3", { class: "cm-title", id: "title" });
      this.who = make("p", { class: "cm-note" });
      this.form = make("form", { class: "cm-form", novalidate: true, "aria-labelledby": "title" }, this.errors, this.who);
      for (const { field } of Object.values(this.inputs)) this.form.append(field);
      /* For programs that fill in whatever they find; people never meet it. */
      this.unseen = make("input", { type: "text", name: "subject", autocomplete: "off", tabindex: "-1" });
      this.form.append(make("div", { class: "cm-unseen", "aria-hidden": "true" }, make("label", {}, `${_("Leave this empty")} `, this.unseen)));
      if (this.rules.proof && this.rules.proof !== "off") this.prove();
      this.form.append(make("div", { class: "cm-remember" }, box, make("label", { for: "remember" }, words)), make("div", {}, this.button));
      this.respond = make("section", { class: "cm-respond", id: "respond", "aria-labelledby": "title" }, this.caption, note, this.form);
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.send();
      });
      this.form.addEventListener("input", () => this.saveDraft());
      this.form.addEventListener("focusin", () => this.askToken());
      /* The page's own keyboard shortcuts must not fire while somebody types in here. */
      for (const kind of ["keydown", "keypress", "keyup"]) this.form.addEventListener(kind, (event) => event.stopPropagation());
      this.reply(null);
      this.greet();
      this.fillIn(recall("localStorage", "moderation:author"), recall("sessionStorage", this.memory));
    }

    /* What the page's own login says need not be typed. */
    greet() {
      this.said = claimsOf(this.authorToken);
      for (const name of ["name", "email"]) {
        if (typeof this.said[name] !== "string") this.said[name] = "";
        this.inputs[name].field.hidden = Boolean(this.said[name]);
      }
      this.who.hidden = !this.said.name;
      this.who.replaceChildren(...around(_("You write as {name}."), make("bdi", {}, this.said.name)));
    }

    /* Proof of work, where the site asks for one. */
    prove() {
      const status = make("p", { class: "cm-note", role: "status" });
      const words = {
        working: _("Your browser does a small calculation against spam while you write."),
        done: _("The calculation against spam is done."),
        failed: _("The calculation against spam did not work here. You can post all the same."),
      };
      const challenge = async () => (await ask(`v1/${encodeURIComponent(this.site)}/challenge`, { cache: "no-store" })).body;
      this.work = proofOfWork(challenge, (state) => {
        status.textContent = words[state];
      });
      this.form.append(status);
    }

    /* When the reader comes to the form, it asks for its token; without one the comment goes all the same. A page that
       may not send one learns it here: of a request that the browser refuses, no script learns why. */
    askToken() {
      if (this.work) this.work.begin();
      this.token ||= ask(`v1/${encodeURIComponent(this.site)}/form?${new URLSearchParams({ article: this.article })}`).then(
        (answer) => {
          this.barred = answer.status === 403 ? answer : null;
          return answer.body && typeof answer.body.token === "string" ? answer.body.token : undefined;
        },
      );
    }

    field(id, label, required, input) {
      const caption = make("label", { for: id }, label);
      if (required) caption.append(" ", make("span", { class: "cm-star", "aria-hidden": "true" }, "*"));
      const error = make("p", { class: "cm-error", id: `${id}-error`, hidden: true });
      const hint = { email: "note", body: "marks" }[id];
      for (const [name, value] of Object.entries({ id, name: id, required, "aria-describedby": hint })) {
        if (value) input.setAttribute(name, value === true ? "" : value);
      }
      const half = id === "name" || id === "email" ? "cm-field cm-half" : "cm-field";
      return { field: make("div", { class: half }, caption, error, input), input, error, hint, label };
    }

    fillIn(author, draft) {
      this.remember.checked = Boolean(author);
      for (const [name, { input }] of Object.entries(this.inputs)) {
        const value = (draft && draft[name]) || (author && author[name]);
        if (typeof value === "string") input.value = value;
      }
    }

    /* The draft leaves the address out: it is stored only where the reader ticks the box. */
    saveDraft() {
      const { body, name, url } = this.inputs;
      keep("sessionStorage", this.memory, { body: body.input.value, name: name.input.value, url: url.input.value });
    }

    reply(id) {
      const answered = this.shown.get(id);
      this.parent = answered ? id : null;
      if (answered) {
        this.caption.replaceChildren(...around(_("Leave a Reply to {name}"), make("bdi", {}, answered.name)));
        const back = () => {
          this.reply(null);
          const button = answered.card.querySelector("button");
          if (button) button.focus();
        };
        this.caption.append(" ", act(_("Cancel reply"), { class: "cm-act cm-cancel" }, back));
        answered.card.after(this.respond);
        this.inputs.body.input.focus();
      } else {
        this.home.replaceChildren(this.respond);
        this.sayCount(this.count);
      }
    }

    async send() {
      if (this.sending) return;
      this.sending = true;
      this.button.setAttribute("aria-disabled", "true");
      this.button.textContent = _("Posting…");
      this.say("");
      const typed = Object.fromEntries(Object.entries(this.inputs).map(([name, { input }]) => [name, input.value]));
      const { said } = this;
      const author = said.name ? {} : { name: typed.name };
      typed.name = said.name || typed.name;
      if (typed.email && !said.email) author.email = typed.email;
      author.token = this.authorToken || recall("localStorage", this.ownKey) || undefined;
      if (typed.url) author.url = typed.url;
      const known = /^https?:/i.test(this.article) ? { url: this.article } : { id: this.article };
      const article = { ...known, title: (this.getAttribute("article-title") || document.title || "").slice(0, 200) || undefined };
      const altcha = this.work ? await this.work.begin() : undefined;
      const form = { token: await this.token, subject: this.unseen.value || undefined, altcha };
      const answer = await ask(`v1/${encodeURIComponent(this.site)}/comments`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ article, parent: this.parent, author, body: typed.body, form }),
      });
      this.sending = false;
      this.button.removeAttribute("aria-disabled");
      this.button.textContent = _("Post Comment");
      this.tell(answer, typed);
    }

    tell(answer, typed) {
      const { status, wait, body } = (!answer.status && this.barred) || answer;
      const [title, detail] = ["title", "detail"].map((part) => String((body && body[part]) || ""));
      /* A second try may meet the first one, whose answer was lost on the way: then it has been said indeed. */
      const arrived = status === 409 && this.unsure === typed.body;
      if (body && (arrived || [200, 201, 202].includes(status))) this.thank(status, body, typed);
      else if (status === 422 && body && Array.isArray(body.errors) && body.errors.length) this.showErrors(body.errors);
      else if (status === 429) {
        this.complain(_("You are commenting too quickly. Please wait {seconds} seconds and post it again.", { seconds: wait || 5 }));
      } else if ([400, 403, 404, 409, 413].includes(status) && title) {
        this.complain(title === detail.replace(/\.$/, "") ? detail : `${title}. ${detail}`);
      } else {
        this.unsure = typed.body;
        const again = act(_("Try again"), { class: "cm-button cm-quiet" }, () => this.send());
        this.complain(_("Your comment could not be sent. What you typed is still here."), again);
      }
    }

    thank(status, body, typed) {
      const { name, email, url } = typed;
      keep("localStorage", "moderation:author", this.remember.checked ? { name, email, url } : null);
      keep("sessionStorage", this.memory, null);
      this.unsure = null;
      this.token = null; // each is for one comment
      if (this.work) this.work.spend();
      this.clearErrors();
      this.inputs.body.input.value = "";
      const parent = this.parent;
      if (parent) this.reply(null);
      const id = typeof body.id === "string" ? body.id : `own-${this.shown.size}`;
      const receipt = typeof body.receipt === "string" ? body.receipt.split("/").pop() : undefined;
      const one = { id, parent, author: { name, url }, body: typed.body, receipt };
      if (id === body.id) this.rememberOwn(one);
      if (status === 201) {
        /* Caches on the way may not have it yet, so it is shown from what was typed. */
        this.say(_("Your comment is published."));
        this.count += 1;
        this.look(this.place({ ...one, created_at: new Date().toISOString(), nodes: paragraphs(typed.body) }));
      } else {
        this.say((typeof body.message === "string" && body.message) || _("Your comment is awaiting moderation."), true);
        this.look(this.place(one, true));
      }
      this.showOwn([one]);
    }

    clearErrors() {
      this.errors.hidden = true;
      for (const { input, error, hint } of Object.values(this.inputs)) {
        error.hidden = true;
        input.removeAttribute("aria-invalid");
        if (hint) input.setAttribute("aria-describedby", hint);
        else input.removeAttribute("aria-describedby");
      }
    }

    complain(sentence, ...rest) {
      this.clearErrors();
      this.errors.replaceChildren(make("h4", {}, sentence), ...rest);
      this.errors.hidden = false;
      this.errors.focus();
    }

    showErrors(problems) {
      this.clearErrors();
      const lines = make("ul");
      const place = (problem) => Object.keys(FIELDS).indexOf(problem && problem.pointer);
      for (const problem of [...problems].sort((a, b) => place(a) - place(b))) {
        const words = String((problem && problem.detail) || _("This is not right."));
        const at = this.inputs[FIELDS[problem && problem.pointer]];
        if (!at) {
          lines.append(make("li", {}, words));
          continue;
        }
        const link = make("a", { href: `#${at.input.id}` }, `${at.label}: ${words}`);
        link.addEventListener("click", (event) => {
          event.preventDefault();
          at.input.focus();
        });
        lines.append(make("li", {}, link));
        at.error.textContent = words;
        at.error.hidden = false;
        at.input.setAttribute("aria-invalid", "true");
        at.input.setAttribute("aria-describedby", [at.hint, at.error.id].filter(Boolean).join(" "));
      }
      this.errors.replaceChildren(make("h4", {}, _("There is a problem")), lines);
      this.errors.hidden = false;
      this.errors.focus();
    }
  }

  if (!window.customElements || !("adoptedStyleSheets" in Document.prototype)) return;
  if (!customElements.get("comment-thread")) customElements.define("comment-thread", CommentThread);
  if (script && script.dataset.site) {
    const { site, article, title, theme, authorToken } = script.dataset;
    script.after(make("comment-thread", { site, article, "article-title": title, theme, "author-token": authorToken }));
  }
})();
