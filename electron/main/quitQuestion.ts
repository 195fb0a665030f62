/**
 * What is asked when the last window closes while machines run. The main process has no page to translate with, so these few words
 * are here, in the languages of the interface.
 */
export interface QuitQuestion {
  message: string;
  detail: string;
  /** In this order: keep running, power off and quit, cancel. */
  buttons: [string, string, string];
}

export const quitQuestions = {
  en: {
    message: "Machines are still running.",
    detail:
      "They can go on without a window; starting Guesthouse again brings the window back. Powering off is like pulling the plug.",
    buttons: ["Keep running", "Power off and quit", "Cancel"],
  },
  "zh-CN": {
    message: "仍有虚拟机正在运行。",
    detail: "虚拟机可以在没有窗口的情况下继续运行；再次启动 Guesthouse 即可重新显示窗口。强制关机相当于拔掉电源。",
    buttons: ["继续运行", "强制关机并退出", "取消"],
  },
  "zh-TW": {
    message: "仍有虛擬機正在執行。",
    detail: "虛擬機可以在沒有視窗的情況下繼續執行；再次啟動 Guesthouse 即可重新顯示視窗。強制關機相當於拔掉電源。",
    buttons: ["繼續執行", "強制關機並結束", "取消"],
  },
} as const satisfies Record<string, QuitQuestion>;

/** The question in the language that serves a locale such as "zh-Hant-HK". */
export function quitQuestion(locale: string): QuitQuestion {
  const lower = locale.toLowerCase();
  const chosen = !lower.startsWith("zh")
    ? quitQuestions.en
    : /tw|hk|mo|hant/.test(lower)
      ? quitQuestions["zh-TW"]
      : quitQuestions["zh-CN"];
  return { ...chosen, buttons: [...chosen.buttons] };
}
