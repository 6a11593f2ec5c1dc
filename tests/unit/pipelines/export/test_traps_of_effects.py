"""What changes an object without saying so: each on its own, run both ways and compared."""

import pytest
from exporting import compare, stages

TRAPS = {
    "a name for an index": (
        "import pandas as pd\ndf=pd.DataFrame({'x':[3,1,2]})",
        "df.index.name='i'\ndf.attrs['a']=1",
        "print(df, df.attrs)",
    ),
    "an index that is renamed in place": (
        "import pandas as pd\ndf=pd.DataFrame({'x':[1]})",
        "df.index.rename('i',inplace=True)\ndf.columns.name='c'",
        "print(df)",
    ),
    "a property that counts": (
        "class A:\n    def __init__(self): self.n=0\n    @property\n    def x(self):\n"
        "        self.n+=1\n        return 1\na=A()",
        "y=a.x",
        "print(a.n)",
    ),
    "an item that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __getitem__(self,i):\n"
        "        self.n+=1\n        return 1\na=A()",
        "x=a[0]",
        "print(a.n)",
    ),
    "a loop that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __iter__(self):\n"
        "        self.n+=1\n        return iter([1])\na=A()",
        "x=list(a)",
        "print(a.n)",
    ),
    "a length that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __len__(self):\n"
        "        self.n+=1\n        return 3\na=A()",
        "x=len(a)",
        "print(a.n)",
    ),
    "a text that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __repr__(self):\n"
        "        self.n+=1\n        return 'A'\na=A()",
        "print(a)\nf'{a}'",
        "print(a.n)",
    ),
    "a comparison that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __eq__(self,o):\n"
        "        self.n+=1\n        return True\na=A()",
        "x=a==3",
        "print(a.n)",
    ),
    "a condition that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __bool__(self):\n"
        "        self.n+=1\n        return True\na=A()",
        "if a: x=1",
        "print(a.n)",
    ),
    "a search that is counted": (
        "class A:\n    def __init__(self): self.n=0\n    def __contains__(self,i):\n"
        "        self.n+=1\n        return True\na=A()",
        "x=3 in a",
        "print(a.n)",
    ),
    "a context manager that counts": (
        "class A:\n    def __init__(self): self.n=0\n    def __enter__(self):\n"
        "        self.n+=1\n        return self\n    def __exit__(self,*a): self.n+=10\n"
        "a=A()",
        "with a:\n    x=1",
        "print(a.n)",
    ),
    "an object as a key function": (
        "class A:\n    def __init__(self): self.n=0\n    def __call__(self,x):\n"
        "        self.n+=1\n        return x\na=A()",
        "s=sorted([2,1],key=a)",
        "print(a.n)",
    ),
    "an operator that notes": (
        "class A:\n    def __init__(self): self.log=[]\n    def __add__(self,o):\n"
        "        self.log.append(o)\n        return self\na=A()",
        "b=a+5",
        "print(a.log)",
    ),
    "an order that leaves a mark": (
        "class A:\n    n=0\n    def __init__(self,v): self.v=v\n    def __lt__(self,o):\n"
        "        self.cmp=True\n        return self.v<o.v\nxs=[A(2),A(1)]",
        "ys=sorted(xs)",
        "print([hasattr(x,'cmp') for x in xs])",
    ),
    "a property that is computed once": (
        "import functools\nclass A:\n    def __init__(self): self.n=0\n"
        "    @functools.cached_property\n    def x(self):\n        print('computing')\n"
        "        return [1]\na=A()",
        "y=a.x\ny.append(2)",
        "print(a.x)",
    ),
    "an item that is passed on": (
        "class B:\n    def __init__(self,d): self.d=d\n"
        "    def __setitem__(self,k,v): self.d[k]=v\nd={}\nb=B(d)",
        "b['x']=1",
        "print(d)",
    ),
    "a chain of dictionaries": (
        "from collections import ChainMap\na={};b={}\nc=ChainMap(a,b)",
        "c['x']=1",
        "print(a,b)",
    ),
    "a default that reading makes": (
        "from collections import defaultdict\nd=defaultdict(list)",
        "x=d['k']\ny=len(x)",
        "print(dict(d))",
    ),
    "an operator as a function": (
        "import operator\na=[1]",
        "operator.iadd(a,[2])",
        "print(a)",
    ),
    "a method that is mapped": (
        "seen=[]\n",
        "_=list(map(seen.append,[1,2]))",
        "print(seen)",
    ),
    "a method in a partial": (
        "import functools\nacc=[]\np=functools.partial(acc.append)",
        "p(1)",
        "p(2)\nprint(acc)",
    ),
    "a list in an array of objects": (
        "import numpy as np\na=[1]\no=np.array([a,None],dtype=object)",
        "o[0].append(2)",
        "print(a)",
    ),
    "a list in a cell of a copied frame": (
        "import pandas as pd\ndf=pd.DataFrame({'l':[[1],[2]]})\ne=df.copy()",
        "e['l'][0].append(9)",
        "print(df)",
    ),
    "lists in a series": (
        "import pandas as pd\ns=pd.Series([[1],[2]])",
        "s.apply(lambda l: l.append(0));",
        "print(s)",
    ),
    "groups of a frame that changes": (
        "import pandas as pd\ndf=pd.DataFrame({'k':[1,1,2],'v':[1,2,3]})\ng=df.groupby('k')",
        "df['v']=0",
        "print(g.sum())",
    ),
    "a decorator that registers": (
        "REG={}\ndef reg(f):\n    REG[f.__name__]=f\n    return f",
        "@reg\ndef a(): return 1",
        "@reg\ndef b(): return 2\nprint(sorted(REG), REG['a']())",
    ),
    "a decorator that is an object": (
        "class Counted:\n    def __init__(self,f):\n        self.f=f\n        self.n=0\n"
        "    def __call__(self,*a):\n        self.n+=1\n        return self.f(*a)\n@Counted\n"
        "def g(x): return x",
        "g(1);g(2)",
        "print(g.n)",
    ),
    "an argument behind a star": (
        "def f(*a): a[0].append(1)\nx=[0]",
        "f(*[x])",
        "print(x)",
    ),
    "an argument by name": (
        "def f(**kw):\n    kw['a'].append(1)\nx=[0]",
        "f(a=x)",
        "print(x)",
    ),
    "attributes of a graph": (
        "import networkx as nx\nG=nx.path_graph(3)",
        "nx.set_node_attributes(G,1,'w')\nG.nodes[0]['c']=5",
        "print(G.nodes(data=True))",
    ),
    "a diagonal that is filled": (
        "import numpy as np\na=np.zeros((3,3))",
        "np.fill_diagonal(a,1)\nnp.put(a,[1],7)",
        "print(a)",
    ),
    "an array that takes the result": (
        "import numpy as np\na=np.ones(3)\nb=np.zeros(3)",
        "np.add(a,a,out=b)",
        "print(b)",
    ),
    "parts of a list in a dictionary": (
        "a=[[1],[2]]\nb=dict(zip('xy',a))",
        "b['x'].append(9)",
        "print(a)",
    ),
    "the last one of a loop": (
        "a=[[1],[2]]\nfor x in a:\n    pass",
        "x.append(9)",
        "print(a)",
    ),
    "one list three times": (
        "a=[[]]*3",
        "a[0].append(1)",
        "print(a)",
    ),
    "one list under two keys": (
        "d=dict.fromkeys('ab',[])",
        "d['a'].append(1)",
        "print(d)",
    ),
    "a walrus that gives a second name": (
        "a=[1]\nprint(b:=a)",
        "b.append(9)",
        "print(a)",
    ),
    "one of two lists": (
        "x=[1];y=[2]\nz=x if len(y) else y",
        "z.append(3)",
        "print(x,y)",
    ),
    "a list or another": (
        "x=[]\ny=[1]\nz=x or y",
        "z.append(3)",
        "print(y)",
    ),
    "a method that gives its list": (
        "class S:\n    def __init__(self): self.items=[]\n"
        "    def get(self): return self.items\ns=S()\nl=s.get()",
        "l.append(1)",
        "print(s.items)",
    ),
    "a method that is replaced": (
        "class C:\n    def f(self): return 1\nc=C()",
        "C.f=lambda self: 2",
        "print(c.f())",
    ),
    "a function of a library that is replaced": (
        "import math\nimport statistics",
        "statistics.mean=lambda xs: 42",
        "print(statistics.mean([1,2]))",
    ),
    "a metaclass that counts": (
        "class M(type):\n    made=[]\n    def __new__(m,n,b,d):\n        M.made.append(n)\n"
        "        return super().__new__(m,n,b,d)\nclass A(metaclass=M): pass",
        "class B(metaclass=M): pass",
        "print(M.made)",
    ),
    "a class that knows its heirs": (
        "class R:\n    subs=[]\n    def __init_subclass__(cls): R.subs.append(cls.__name__)",
        "class A(R): pass",
        "class B(R): pass\nprint(R.subs)",
    ),
    "one object only": (
        "class S:\n    _i=None\n    def __new__(cls):\n"
        "        if cls._i is None: cls._i=super().__new__(cls)\n        return cls._i\n"
        "a=S()",
        "b=S()",
        "print(a is b)",
    ),
}


@pytest.mark.parametrize("groups", TRAPS.values(), ids=TRAPS)
def test_the_pipeline_gives_what_the_notebook_gives(groups):
    plan, different = compare(stages(*groups))
    assert not different, [(stage.name, stage.cells) for stage in plan.stages]
