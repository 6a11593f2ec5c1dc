"""What lives outside of variables: each on its own, run both ways and compared."""

import pytest
from exporting import compare, stages

TRAPS = {
    "a generator that a frame samples with": (
        "import numpy as np, pandas as pd\nrng=np.random.RandomState(0)\n"
        "df=pd.DataFrame({'x':range(9)})",
        "a=df.sample(2,random_state=rng)",
        "b=df.sample(2,random_state=rng)\nprint(a,b)",
    ),
    "a generator that scikit-learn splits with": (
        "import numpy as np\nfrom sklearn.model_selection import train_test_split\n"
        "rng=np.random.RandomState(0)\nX=list(range(10))",
        "a=train_test_split(X,random_state=rng)",
        "b=train_test_split(X,random_state=rng)\nprint(a,b)",
    ),
    "a generator in an object": (
        "import numpy as np\nrng=np.random.default_rng(0)\nclass S:\n"
        "    def __init__(self,r): self.r=r\ns=S(rng)",
        "a=s.r.random()",
        "b=rng.random()\nprint(a,b)",
    ),
    "a drawing function under another name": (
        "import random\nrandom.seed(1)\nroll=random.random",
        "a=roll()",
        "b=roll()\nprint(a,b)",
    ),
    "a drawing function in a dictionary": (
        "import random\nrandom.seed(1)\nfns={'r':random.random}",
        "a=fns['r']()",
        "b=fns['r']()\nprint(a,b)",
    ),
    "a drawing function that is mapped": (
        "import random\nrandom.seed(1)",
        "a=list(map(random.randint,[1,1],[9,9]))",
        "b=random.random()\nprint(a,b)",
    ),
    "a drawing function in a partial": (
        "import random,functools\nrandom.seed(1)\nroll=functools.partial(random.randint,1,6)",
        "a=[roll() for _ in range(3)]",
        "b=[roll() for _ in range(3)]\nprint(a,b)",
    ),
    "a drawing lambda": (
        "import random\nrandom.seed(1)\nops={'r':lambda: random.random()}",
        "a=ops['r']()",
        "b=ops['r']()\nprint(a,b)",
    ),
    "a method that draws": (
        "import random\nrandom.seed(1)\nclass Die:\n"
        "    def roll(self): return random.randint(1,6)\ndie=Die()",
        "a=[die.roll() for _ in range(3)]",
        "b=[die.roll() for _ in range(3)]\nprint(a,b)",
    ),
    "objects in a list that draw": (
        "import random\nrandom.seed(1)\nclass Die:\n    def roll(self): return self.one()\n"
        "    def one(self): return random.randint(1,6)\ndice=[Die(),Die()]",
        "a=[d.roll() for d in dice]",
        "b=[d.roll() for d in dice]\nprint(a,b)",
    ),
    "an object that draws when it is called": (
        "import random\nrandom.seed(1)\nclass Die:\n"
        "    def __call__(self): return random.randint(1,6)\ndie=Die()",
        "a=[die() for _ in range(3)]",
        "b=[die() for _ in range(3)]\nprint(a,b)",
    ),
    "a function in a list that draws": (
        "import random\nrandom.seed(1)\ndef roll(): return random.random()\nfs=[roll]",
        "a=fs[0]()",
        "b=fs[0]()\nprint(a,b)",
    ),
    "a state of the generator that is set again": (
        "import random\nstate=random.getstate()\na=random.random()",
        "random.setstate(state)",
        "print(random.random()==a)",
    ),
    "a state of NumPy's generator that is set again": (
        "import numpy as np\nnp.random.seed(3)\nst=np.random.get_state()\na=np.random.rand()",
        "np.random.set_state(st)",
        "print(np.random.rand()==a)",
    ),
    "a seed in a function": (
        "import numpy as np\ndef seed(): np.random.seed(1)\nseed()",
        "a=np.random.rand()",
        "b=np.random.rand()\nprint(a,b)",
    ),
    "a handler of a logger": (
        "import logging,io\ns=io.StringIO()\nlog=logging.getLogger('zz')\n"
        "log.addHandler(logging.StreamHandler(s))",
        "log.warning('a')",
        "log.warning('b')\nprint(s.getvalue())",
    ),
    "floating point errors": (
        "import numpy as np\nold=np.seterr(all='raise')",
        "x=[1]",
        "try:\n    np.array([1.])/0\nexcept FloatingPointError:\n    print('raised')",
    ),
    "a setting whose result is shown": (
        "import numpy as np\nnp.seterr(all='ignore')",
        "n=[1]",
        "print(np.geterr()['over'],n)",
    ),
    "a setting below that is shown": (
        "import numpy as np\nn=[1]",
        "np.seterr(all='ignore')",
        "np.geterr()",
    ),
    "a locale": (
        "import locale\nlocale.setlocale(locale.LC_ALL,'C.UTF-8')",
        "x=1",
        "print(locale.setlocale(locale.LC_ALL))",
    ),
    "text that is written": (
        "import sys",
        "sys.stdout.write('hello\\n')\nx=1",
        "print(x)",
    ),
    "output that is flushed": (
        "import sys\nn=[1]\nsys.stdout.flush()",
        "n.append(1)\nsys.stdout.write('a')\nsys.stdout.flush()",
        "print(n)",
    ),
    "a line for the log": (
        "import logging\nlogging.warning('x')\nn=[1]",
        "logging.info('a')\nn.append(1)",
        "print(n)",
    ),
    "HTML before anything": (
        "from IPython.display import HTML\nHTML('<style>b</style>')",
        "n=[1]\nn.append(2)",
        "print(n)",
    ),
    "an option that is reset": (
        "import pandas as pd\npd.set_option('display.max_rows',5)\n"
        "df=pd.DataFrame({'x':range(20)})",
        "pd.reset_option('display.max_rows')\ndf",
        "df",
    ),
    "a context that is entered by hand": (
        "import pandas as pd\nn=[1]\nctx=pd.option_context('display.precision',2)\nctx.__enter__()",
        "print(pd.Series([1/3]))",
        "ctx.__exit__(None,None,None)\nprint(pd.Series([1/3]))",
    ),
    "output that is redirected": (
        "import sys,io\nold=sys.stdout\nsys.stdout=io.StringIO()",
        "print('a')",
        "t=sys.stdout.getvalue()\nsys.stdout=old\nprint(t)",
    ),
    "a stack of contexts": (
        "import contextlib\nst=contextlib.ExitStack()\nlog=[]\n_=st.__enter__()\n"
        "_=st.callback(log.append,1)",
        "log.append(0)",
        "st.close()\nprint(log)",
    ),
    "a generator beside a number": (
        "a, g = 1, (i for i in range(3))",
        "next(g)",
        "print(list(g))",
    ),
    "work of a pool": (
        "from concurrent.futures import ThreadPoolExecutor\nex=ThreadPoolExecutor(2)",
        "fut=ex.submit(pow,2,3)",
        "print(fut.result())",
    ),
    "a queue": (
        "import queue\nq=queue.Queue()",
        "q.put(1)",
        "print(q.get())",
    ),
    "the attributes of an object": (
        "class A: pass\na=A()\nd=a.__dict__",
        "d['x']=1",
        "print(a.x)",
    ),
    "a temporary folder": (
        "import tempfile,os\ntd=tempfile.TemporaryDirectory()\np=os.path.join(td.name,'a')",
        "_=open(p,'w').write('x')",
        "print(os.path.exists(p))",
    ),
    "a parser of arguments": (
        "import argparse\np=argparse.ArgumentParser()\n_=p.add_argument('--n',type=int,default=3)",
        "args=p.parse_args([])",
        "args.n=5\nprint(args)",
    ),
    "a view of bytes": (
        "b=bytearray(b'ab')\nc=memoryview(b)",
        "c[0]=99",
        "print(b)",
    ),
    "a shelf": (
        "import shelve\ns=shelve.open('sh')\ns['a']=1",
        "s['b']=2",
        "print(sorted(s))\ns.close()",
    ),
    "a cursor": (
        "import sqlite3\ncur=sqlite3.connect(':memory:').cursor()\n"
        "_=cur.execute('create table t(x)')",
        "_=cur.execute('insert into t values (1)')",
        "print(cur.execute('select count(*) from t').fetchone())",
    ),
    "two iterators of one": (
        "import itertools\nx,y=itertools.tee(iter([1,2,3]))",
        "a=next(x)",
        "print(a,list(y),list(x))",
    ),
    "captured output": (
        "x=1",
        "%%capture out\nprint('hello')",
        "print(len(out.stdout), x)",
    ),
    "what a shell line knows": (
        "r=!echo a; echo b",
        "print(r.n, r.s)",
        "print(list(r))",
    ),
    "an environment that nobody imported": (
        "%env DL_TRAP=7",
        "import os\na=os.environ['DL_TRAP']",
        "print(a, os.environ.get('DL_TRAP'))",
    ),
    "a folder that nobody imported": (
        "!mkdir -p d2",
        "%cd d2",
        "import os\nprint(os.path.basename(os.getcwd()))",
    ),
    "a module that is written": (
        "%%writefile helper_trap.py\ndef f(): return 7",
        "import helper_trap\na=helper_trap.f()",
        "print(a)",
    ),
    "a cache that is asked": (
        "import functools\n@functools.lru_cache\ndef f(x): return x",
        "f(1);f(1)",
        "print(f.cache_info())",
    ),
    "a builtin that is uncovered": (
        "max=3",
        "del max",
        "print(max([1,2]))",
    ),
    "a list that holds itself": (
        "a=[];a.append(a)",
        "a.append(1)",
        "print(len(a), a[0] is a)",
    ),
    "the source of a function": (
        "import inspect\ndef f():\n    return 1",
        "src=inspect.getsource(f)",
        "print(len(src)>5)",
    ),
    "a line that goes on": (
        "print('a',end='')",
        "print('b',end='')\nx=1",
        "print(x)",
    ),
    "a figure in a file": (
        "import matplotlib.pyplot as plt, os\nplt.plot([1,2])\nplt.savefig('f.png')",
        "n=1",
        "print(os.path.exists('f.png'))",
    ),
    "a table in a folder": (
        "import os,pandas as pd\nos.makedirs('out',exist_ok=True)\n"
        "pd.DataFrame({'a':[1]}).to_csv('out/x.csv',index=False)",
        "n=1",
        "print(pd.read_csv('out/x.csv'))",
    ),
    "files that are found by a pattern": (
        "for i in range(2):\n    open(f'part{i}.tmpx','w').write('a')",
        "n=1",
        "import glob\nprint(sorted(glob.glob('*.tmpx')))",
    ),
    "a file that the shell writes": (
        "!echo hi > sh.txt",
        "n=1",
        "print(open('sh.txt').read())",
    ),
    "a file that a function writes": (
        "import pandas as pd\ndef save(df,name):\n    df.to_csv(name,index=False)\n"
        "def load(name):\n    return pd.read_csv(name)",
        "save(pd.DataFrame({'a':[1]}),'q.csv')",
        "print(load('q.csv'))",
    ),
    "a pickle": (
        "import pickle\npickle.dump({'a':1},open('k.pkl','wb'))",
        "n=[1]",
        "print(pickle.load(open('k.pkl','rb')),n)",
    ),
    "a function without a name as a default": (
        "class Queue:\n    def __init__(self, items=(), key=lambda x: -x):\n"
        "        self.key = key\n        self.items = sorted(items, key=key)\nq = Queue([1, 3, 2])",
        "q.items.append(q.key(4))",
        "r = Queue([5, 6])\nprint(q.items, r.items, q.key(1), r.key(2))",
    ),
    "a default without a name that counts": (
        "def f(key=lambda x, seen=[]: seen.append(x) or len(seen)):\n    return key(1)\na = [f()]",
        "a.append(f())",
        "a.append(f())\nprint(a)",
    ),
    "a default without a name that reads a variable": (
        "k = 1\nk += 1\ndef f(n, key=lambda x: x * k):\n    return key(n)\na = [f(1)]",
        "k = 5\na.append(f(1))",
        "k = 7\na.append(f(1))\nprint(a)",
    ),
}


@pytest.mark.parametrize("groups", TRAPS.values(), ids=TRAPS)
def test_the_pipeline_gives_what_the_notebook_gives(groups):
    plan, different = compare(stages(*groups))
    assert not different, [(stage.name, stage.cells) for stage in plan.stages]


def test_a_variable_that_is_made_anew_is_not_the_one_it_once_travelled_with():
    plan, different = compare(
        stages(
            "b = [1]\ne = [1]",
            "b = [e, 0]",
            "a = b",
            "b = [0]",
            "a = b\na = e\na.append(0)",
        )
    )
    assert not different
    assert len(plan.stages) == 5
