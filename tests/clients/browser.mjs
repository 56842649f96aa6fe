// As much of a browser as a test needs: Chromium without a window, told what to do over two pipes (the protocol of its
// developer tools). It ends when the pipes close, so also when this process is killed.
import { spawn } from 'node:child_process'

// For all that is waited for, together: others may hold the machine for a while.
const PATIENCE = 150_000
const SWITCHES = [
  '--headless', '--remote-debugging-pipe', '--no-first-run', '--window-size=1400,900', '--no-default-browser-check', '--disable-gpu',
  '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Root has no sandbox; what is opened is ours.
  '--no-sandbox',
  // No name is looked up, so nothing is reached but the address of the test.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
]
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))

export class Browser {
  /** All that it writes goes into the directory. */
  static async start(directory) {
    const process = spawn('chromium', [...SWITCHES, `--user-data-dir=${directory}/profile`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { PATH: globalThis.process.env.PATH, HOME: directory, TMPDIR: directory },
    })
    const browser = new Browser(process)
    setTimeout(() => process.kill('SIGKILL'), PATIENCE + 10_000).unref()
    const { targetId } = await browser.tell('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await browser.tell('Target.attachToTarget', { targetId, flatten: true })
    browser.page = new Page(browser, sessionId)
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits']) await browser.page.tell(`${domain}.enable`)
    return browser
  }

  constructor(process) {
    this.process = process
    this.ended = new Promise((done) => process.once('exit', done))
    this.waiting = new Map()
    this.end = Date.now() + PATIENCE
    this.numbers = 0
    let rest = ''
    process.stdio[4].setEncoding('utf8').on('data', (text) => {
      const messages = (rest + text).split('\0')
      rest = messages.pop()
      for (const message of messages) this.hear(JSON.parse(message))
    })
    process.once('exit', (code) => {
      for (const { refuse } of this.waiting.values()) refuse(new Error(`the browser ended with ${code}`))
    })
  }

  tell(method, params = {}, sessionId = undefined) {
    const id = (this.numbers += 1)
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return new Promise((take, refuse) => this.waiting.set(id, { take, refuse, method }))
  }

  hear({ id, result, error, method, params }) {
    if (id === undefined) return this.page?.hear(method, params)
    const { take, refuse, method: told } = this.waiting.get(id)
    this.waiting.delete(id)
    if (error) refuse(new Error(`${told}: ${error.message}`))
    else take(result)
  }

  /** Until it is gone. */
  async stop() {
    this.tell('Browser.close').catch(() => {})
    const gone = await Promise.race([this.ended.then(() => true), sleep(10_000).then(() => false)])
    if (!gone) this.process.kill('SIGKILL')
    await this.ended
  }
}

class Page {
  constructor(browser, session) {
    Object.assign(this, { browser, session, requests: [], complaints: [], answers: 0 })
  }

  tell(method, params) {
    return this.browser.tell(method, params, this.session)
  }

  hear(method, params) {
    switch (method) {
      case 'Network.requestWillBeSent':
        this.requests.push(params.request.url)
        break
      case 'Network.webSocketCreated':
        this.requests.push(params.url)
        break
      case 'Network.loadingFinished':
        this.answers += 1
        break
      case 'Network.loadingFailed':
        this.complaints.push(`a request failed: ${params.errorText} ${params.blockedReason ?? ''}`)
        break
      case 'Runtime.exceptionThrown':
        this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text)
        break
      case 'Runtime.consoleAPICalled':
        if (!['log', 'info', 'debug'].includes(params.type)) {
          this.complaints.push(`${params.type}: ${params.args.map((one) => one.value ?? one.description).join(' ')}`)
        }
        break
      case 'Log.entryAdded':
        this.complaints.push(`${params.entry.source}: ${params.entry.text} ${params.entry.url ?? ''}`)
        break
      case 'Audits.issueAdded':
        // Those are fields of forms without names.
        if (params.issue.code !== 'GenericIssue') this.complaints.push(`issue: ${JSON.stringify(params.issue)}`)
        break
    }
  }

  async cookie(url, name, value) {
    await this.tell('Network.setCookie', { url, name, value, httpOnly: true, sameSite: 'Lax' })
  }

  async open(url) {
    await this.tell('Page.navigate', { url })
  }

  /** The value of an expression, which may use text(selector). */
  async value(expression) {
    const text = `const text = (selector) => [...document.querySelectorAll(selector)].map((one) => one.innerText.replaceAll('\\u00a0', ' ')).join('\\n')`
    const { result, exceptionDetails } = await this.tell('Runtime.evaluate', {
      expression: `(() => { ${text}; return ${expression} })()`,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`)
    return result.value
  }

  text(selector) {
    return this.value(`text(${JSON.stringify(selector)})`)
  }

  async for(what, holds) {
    while (!(await holds())) {
      if (Date.now() > this.browser.end) {
        throw new Error(`no ${what}; the page shows ${await this.text('body')}; ${this.complaints.join('; ')}`)
      }
      await sleep(20)
    }
  }

  until(what, expression) {
    return this.for(what, () => this.value(expression))
  }

  /** With the mouse. */
  async click(selector) {
    const place = `document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect().toJSON()`
    await this.until(selector, `(${place})?.width > 0`)
    const { x, y, width, height } = await this.value(place)
    const at = { x: x + width / 2, y: y + height / 2, button: 'left', clickCount: 1 }
    await this.tell('Input.dispatchMouseEvent', { type: 'mouseMoved', ...at, button: 'none' })
    await this.tell('Input.dispatchMouseEvent', { type: 'mousePressed', ...at })
    await this.tell('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at })
  }

  /** In the place of what an editor holds. */
  async write(selector, text) {
    await this.click(selector)
    const all = { key: 'a', code: 'KeyA', windowsVirtualKeyCode: 65, modifiers: 2 }
    await this.tell('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...all, commands: ['selectAll'] })
    await this.tell('Input.dispatchKeyEvent', { type: 'keyUp', ...all })
    await this.tell('Input.insertText', { text })
    const held = `text(${JSON.stringify(`${selector} .CodeMirror-code`)})`
    await this.until('what was written', `${held}.includes(${JSON.stringify(text.slice(0, 10))})`)
  }
}
