"""Edits of statements and functions that set something up on import."""

# ruff: noqa: E501

from __future__ import annotations

from harness import Edit, edit

SET_UP: list[Edit] = [
    edit(
        "seeds set by a function that is called with one",
        True,
        "seed_all(42)",
        "seed_all(43)",
        """
        import random, numpy as np
        def seed_all(s):
            random.seed(s)
            np.random.seed(s)
        seed_all(42)
        TABLE = [0]
        def f(x): return float(np.random.rand())
        """,
    ),
    edit(
        "seeds set by a function, its body",
        True,
        "np.random.seed(s)",
        "np.random.seed(s + 1)",
        """
        import random, numpy as np
        def seed_all(s):
            random.seed(s)
            np.random.seed(s)
        seed_all(42)
        TABLE = [0]
        def f(x): return float(np.random.rand())
        """,
    ),
    edit(
        "seeds set by a function of another module",
        True,
        "utils.start(42)",
        "utils.start(43)",
        """
        import numpy as np
        import utils
        utils.start(42)
        def f(x): return float(np.random.rand())
        """,
        {
            "utils.py": """
        import numpy as np
        def start(s): np.random.seed(s)
        """
        },
    ),
    edit(
        "seeds set by a function two calls deep",
        True,
        "np.random.seed(3)",
        "np.random.seed(4)",
        """
        import numpy as np
        import utils
        utils.start()
        def f(x): return float(np.random.rand())
        """,
        {
            "utils.py": """
        import numpy as np
        def start(): _inner()
        def _inner(): np.random.seed(3)
        """
        },
    ),
    edit(
        "seed from a config module",
        True,
        "SEED = 3",
        "SEED = 4",
        """
        import numpy as np
        import cfg
        np.random.seed(cfg.SEED)
        def f(x): return float(np.random.rand())
        """,
        {"cfg.py": "SEED = 3"},
    ),
    edit(
        "environment set in a loop, the first of two",
        True,
        "'1'",
        "'9'",
        """
        import os
        for k, v in {'GT_LOOP_A': '1', 'GT_LOOP_B': '2'}.items():
            os.environ[k] = v
        def f(x): return os.environ['GT_LOOP_A']
        """,
    ),
    edit(
        "environment from a file of settings",
        True,
        "GT_DOT=1",
        "GT_DOT=2",
        """
        import os, pathlib
        for line in pathlib.Path(__file__).with_name('dot.env').read_text().split():
            k, _, v = line.partition('=')
            os.environ.setdefault(k, v)
        def f(x): return os.environ.get('GT_DOT')
        """,
        {
            "dot.env": """
        GT_DOT=1
        GT_OTHER=3
        """
        },
    ),
    edit(
        "environment from a file of settings, a variable not read",
        False,
        "GT_OTHER=3",
        "GT_OTHER=4",
        """
        import os, pathlib
        for line in pathlib.Path(__file__).with_name('dot.env').read_text().split():
            k, _, v = line.partition('=')
            os.environ.setdefault(k, v)
        def f(x): return os.environ.get('GT_DOT')
        """,
        {
            "dot.env": """
        GT_DOT=1
        GT_OTHER=3
        """
        },
    ),
    edit(
        "environment from a file of settings by a helper",
        True,
        "GT_DOT2=1",
        "GT_DOT2=2",
        """
        import os, envs
        envs.load('dot.env')
        def f(x): return os.getenv('GT_DOT2', '0')
        """,
        {
            "dot.env": "GT_DOT2=1\n",
            "envs.py": """
        import os, pathlib
        def load(name):
            for line in pathlib.Path(__file__).with_name(name).read_text().split():
                k, _, v = line.partition('=')
                os.environ[k] = v
        """,
        },
    ),
    edit(
        "environment by |= with a dict",
        True,
        "'1'",
        "'2'",
        """
        import os
        os.environ |= {'GT_OR': '1'}
        def f(x): return os.environ['GT_OR']
        """,
    ),
    edit(
        "environment read by a settings class in the task",
        True,
        "'1'",
        "'2'",
        """
        import os
        from dataclasses import dataclass
        os.environ['GT_CLS'] = '1'
        @dataclass
        class S:
            n: int = 0
            @classmethod
            def read(cls): return cls(int(os.environ['GT_CLS']))
        def f(x): return S.read().n
        """,
    ),
    edit(
        "environment read by a name with a prefix",
        True,
        "'1'",
        "'2'",
        """
        import os
        os.environ['GTP_N'] = '1'
        def get(name): return os.environ['GTP_' + name.upper()]
        def f(x): return get('n')
        """,
    ),
    edit(
        "constructors registered in a loop over a table",
        True,
        "v * 2",
        "v * 3",
        """
        import yaml
        TABLE = {'!a': lambda v: v * 2, '!b': lambda v: v}
        for tag, g in TABLE.items():
            yaml.SafeLoader.add_constructor(tag, lambda loader, node, g=g: g(int(node.value)))
        def f(x): return yaml.safe_load('!a 4')
        """,
    ),
    edit(
        "dialects registered in a loop over a table",
        True,
        "'a': ';'",
        "'a': '|'",
        """
        import csv
        for name, mark in {'a': ';', 'b': ','}.items():
            csv.register_dialect(name, delimiter=mark)
        def f(x): return list(csv.reader(['1;2|3'], 'a'))
        """,
    ),
    edit(
        "setting in an if at the top",
        True,
        "(6)",
        "(5)",
        """
        import calendar, sys
        if sys.version_info > (3,):
            calendar.setfirstweekday(6)
        def f(x): return calendar.monthcalendar(2020, 2)[0]
        """,
    ),
    edit(
        "setting in a try at the top",
        True,
        "(6)",
        "(5)",
        """
        import calendar
        try:
            calendar.setfirstweekday(6)
        except ValueError:
            pass
        def f(x): return calendar.monthcalendar(2020, 2)[0]
        """,
    ),
    edit(
        "setting from a constant of another module",
        True,
        "FIRST = 6",
        "FIRST = 5",
        """
        import calendar, cfg
        calendar.setfirstweekday(cfg.FIRST)
        def f(x): return calendar.monthcalendar(2020, 2)[0]
        """,
        {"cfg.py": "FIRST = 6"},
    ),
    edit(
        "setting by a function imported by name",
        True,
        "output='pandas'",
        "output='default'",
        """
        import numpy as np
        from sklearn import set_config
        from sklearn.preprocessing import StandardScaler
        set_config(transform_output='pandas')
        def f(x): return type(StandardScaler().fit_transform(np.array([[1.0], [2.0]]))).__name__
        """,
    ),
    edit(
        "attribute of a class of a library set to a value",
        True,
        "= 3",
        "= 4",
        """
        import argparse
        argparse.HelpFormatter.own = 3
        def f(x): return argparse.HelpFormatter.own
        """,
    ),
    edit(
        "table of a library extended by update",
        True,
        "own=3",
        "own=4",
        """
        import html.entities as he
        he.name2codepoint.update(own=3)
        def f(x): return he.name2codepoint['own']
        """,
    ),
    edit(
        "names of a library set in another module",
        True,
        "= 'xyz'",
        "= 'xyw'",
        """
        import string
        import patches
        def f(x): return string.ascii_lowercase
        """,
        {
            "patches.py": """
        import string
        string.ascii_lowercase = 'xyz'
        """
        },
    ),
    edit(
        "function for logging called at import",
        False,
        "'%(message)s'",
        "'%(name)s'",
        """
        import logging
        def setup():
            logging.basicConfig(format='%(message)s')
            logging.getLogger().setLevel(10)
        setup()
        LOG = logging.getLogger('q')
        def f(x):
            LOG.info('x')
            return x
        """,
    ),
    edit(
        "path of the project put first",
        False,
        "'lib1'",
        "'lib2'",
        """
        import sys
        sys.path.insert(0, 'lib1')
        import json
        def f(x): return json.dumps(x)
        """,
    ),
    edit(
        "options of numpy's printing, the task has no numpy",
        False,
        "precision=3",
        "precision=4",
        """
        import numpy as np
        np.set_printoptions(precision=3)
        def f(x): return x
        """,
    ),
    edit(
        "plot settings, the task does not plot",
        False,
        "= 7",
        "= 8",
        """
        import matplotlib
        matplotlib.rcParams['font.size'] = 7
        import numpy as np
        def f(x): return float(np.ones(x).sum())
        """,
    ),
    edit(
        "environment that the task does not read",
        False,
        "'1'",
        "'2'",
        """
        import os
        os.environ['GT_UNREAD'] = '1'
        def f(x): return os.environ.get('HOME') is not None
        """,
    ),
    edit(
        "item of a user's object, like a library's",
        False,
        "= 1",
        "= 2",
        """
        import json
        class K: pass
        k = K()
        k.json = {}
        k.json['a'] = 1
        def f(x): return json.dumps(x)
        """,
    ),
    edit(
        "local of a function that has a module's name",
        False,
        "= 1",
        "= 2",
        """
        import json
        def other():
            csv = {}
            csv['a'] = 1
        other()
        def f(x): return json.dumps(x)
        """,
    ),
    edit(
        "setting of a library that the task does not use",
        False,
        "(6)",
        "(5)",
        """
        import calendar, json
        calendar.setfirstweekday(6)
        def f(x): return json.dumps(x)
        """,
    ),
    edit(
        "global with a hint, rebound by the task",
        True,
        "N: int = 7",
        "N: int = 8",
        """
        N: int = 7
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "global from a star import, rebound by the task",
        True,
        "N = 7",
        "N = 8",
        """
        from cfg import *
        def f(x):
            global N
            N += 1
            return N
        """,
        {"cfg.py": "N = 7"},
    ),
    edit(
        "global by import under a condition, rebound by the task",
        True,
        "A = 7",
        "A = 8",
        """
        try:
            from cfg import A as N
        except ImportError:
            N = 0
        def f(x):
            global N
            N += 1
            return N
        """,
        {"cfg.py": "A = 7"},
    ),
    edit(
        "function defined under a condition, rebound by the task",
        True,
        "return 7",
        "return 8",
        """
        import sys
        if sys.maxsize:
            def g(): return 7
        def f(x):
            global g
            out = g()
            g = None
            return out
        """,
    ),
    edit(
        "list filled through an imported name elsewhere, task appends",
        True,
        "append(5)",
        "append(6)",
        """
        import cfg, more
        L = cfg.L
        def f(x):
            L.append(x)
            return sum(L)
        """,
        {
            "cfg.py": "L = [1]",
            "more.py": """
        from cfg import L
        L.append(5)
        """,
        },
    ),
    edit(
        "list filled by a bound method in another module, task appends",
        True,
        "put(5)",
        "put(6)",
        """
        import cfg, more
        L = cfg.L
        def f(x):
            L.append(x)
            return sum(L)
        """,
        {
            "cfg.py": "L = [1]",
            "more.py": """
        from cfg import L
        put = L.append
        put(5)
        """,
        },
    ),
    edit(
        "defaults by globals().update in a function, rebound by the task",
        True,
        "N=7",
        "N=8",
        """
        N = 1
        def configure(**kw): globals().update(kw)
        configure(N=7)
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "defaults by setattr on the module in a function",
        True,
        "N=7",
        "N=8",
        """
        import sys
        N = 1
        def configure(**kw):
            for k, v in kw.items(): setattr(sys.modules[__name__], k, v)
        configure(N=7)
        def f(x):
            global N
            N += 1
            return N
        """,
    ),
    edit(
        "defaults by vars(module).update from another module",
        True,
        "N=7",
        "N=8",
        """
        import cfg, more
        def f(x):
            cfg.N += 1
            return cfg.N
        """,
        {
            "cfg.py": "N = 1",
            "more.py": """
        import cfg
        vars(cfg).update(N=7)
        """,
        },
    ),
    edit(
        "defaults by setattr on another module in a loop",
        True,
        "'N': 7",
        "'N': 8",
        """
        import cfg, more
        def f(x):
            cfg.N += 1
            return cfg.N
        """,
        {
            "cfg.py": "N = 1",
            "more.py": """
        import cfg
        for k, v in {'N': 7}.items(): setattr(cfg, k, v)
        """,
        },
    ),
    edit(
        "array made of a view of another file's array",
        True,
        "= 7",
        "= 8",
        """
        import numpy as np
        import data
        V = data.A.reshape(2, 2)
        V[0, 0] = 7
        def f(x):
            data.A[3] = x
            return float(data.A[0])
        """,
        {
            "data.py": """
        import numpy as np
        A = np.zeros(4)
        """
        },
    ),
    edit(
        "hash salted in a loop",
        True,
        "b'b'",
        "b'c'",
        """
        import hashlib
        H = hashlib.md5()
        for part in (b'a', b'b'):
            H.update(part)
        def f(x): return H.copy().hexdigest()
        """,
    ),
    edit(
        "sqlite made by a helper that fills it",
        True,
        "insert into t values (1)",
        "insert into t values (2)",
        """
        import sqlite3
        def make():
            db = sqlite3.connect(':memory:')
            db.executescript('create table t (a); insert into t values (1);')
            return db
        DB = make()
        def f(x): return DB.execute('select a from t').fetchall()
        """,
    ),
    edit(
        "sqlite in memory, a comment in its statement",
        False,
        "# one",
        "# two",
        """
        import sqlite3
        DB = sqlite3.connect(':memory:')
        DB.execute('create table t (a)')  # one
        def f(x): return DB.execute('select count(*) from t').fetchall()
        """,
    ),
    edit(
        "method table of a proxy that holds a generator",
        True,
        "[1, 2]",
        "[1, 3]",
        """
        class R:
            def __init__(self, rows): self.it = (r for r in rows)
            def one(self): return list(self.it)
        ROWS = [1, 2]
        r = R(ROWS)
        def f(x): return r.one()
        """,
    ),
    edit(
        "scipy's distribution as a global, a comment",
        False,
        "# one",
        "# two",
        """
        import scipy.stats
        D = scipy.stats.norm(loc=2)
        def f(x): return float(D.mean()) # one
        """,
    ),
    edit(
        "scipy's distribution in a dict and a default, a comment",
        False,
        "# one",
        "# two",
        """
        import scipy.stats as st
        T = {'a': st.uniform(0, 1)}
        def g(x, d=st.expon()): return float(d.cdf(x) + T['a'].mean())
        def f(x): return g(x) # one
        """,
    ),
    edit(
        "scipy's distribution drawn after a seed",
        True,
        "seed(3)",
        "seed(4)",
        """
        import numpy as np
        import scipy.stats as st
        np.random.seed(3)
        D = st.norm(0, 1)
        def f(x): return float(D.rvs())
        """,
    ),
    edit(
        "scikit-learn search over distributions",
        True,
        "uniform(0, 1)",
        "uniform(0, 2)",
        """
        import scipy.stats as st
        from sklearn.model_selection import ParameterSampler
        SPACE = {'a': st.uniform(0, 1)}
        def f(x): return list(ParameterSampler(SPACE, 2, random_state=0))
        """,
    ),
]
