package metadata

import "iter"

// tree is a persistent ordered map: put and remove return a new tree and leave
// the old one as it was, sharing all but the path to the key. It is an AVL
// tree, so that the path of one among 10,000 keys has at most 19 nodes. The
// zero value with a compare function is an empty map.
type tree[K, V any] struct {
	root    *treeNode[K, V]
	size    int
	compare func(a, b K) int
}

type treeNode[K, V any] struct {
	key         K
	value       V
	left, right *treeNode[K, V]
	// height is 1 for a leaf. Invariant: the heights of left and right differ
	// by at most one.
	height int8
}

func (t tree[K, V]) len() int { return t.size }

func (t tree[K, V]) get(key K) (V, bool) {
	for n := t.root; n != nil; {
		switch order := t.compare(key, n.key); {
		case order < 0:
			n = n.left
		case order > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	var zero V
	return zero, false
}

func (t tree[K, V]) put(key K, value V) tree[K, V] {
	root, added := t.putAt(t.root, key, value)
	t.root = root
	if added {
		t.size++
	}
	return t
}

func (t tree[K, V]) putAt(n *treeNode[K, V], key K, value V) (_ *treeNode[K, V], added bool) {
	if n == nil {
		return &treeNode[K, V]{key: key, value: value, height: 1}, true
	}
	m := *n
	switch order := t.compare(key, n.key); {
	case order < 0:
		m.left, added = t.putAt(n.left, key, value)
	case order > 0:
		m.right, added = t.putAt(n.right, key, value)
	default:
		m.value = value
		return &m, false
	}
	return balanced(&m), added
}

func (t tree[K, V]) remove(key K) tree[K, V] {
	if _, ok := t.get(key); !ok {
		return t
	}
	t.root = t.removeAt(t.root, key)
	t.size--
	return t
}

func (t tree[K, V]) removeAt(n *treeNode[K, V], key K) *treeNode[K, V] {
	m := *n
	switch order := t.compare(key, n.key); {
	case order < 0:
		m.left = t.removeAt(n.left, key)
	case order > 0:
		m.right = t.removeAt(n.right, key)
	case n.left == nil:
		return n.right
	case n.right == nil:
		return n.left
	default:
		next := n.right
		for next.left != nil {
			next = next.left
		}
		m.key, m.value = next.key, next.value
		m.right = t.removeAt(n.right, next.key)
	}
	return balanced(&m)
}

func (n *treeNode[K, V]) heightOf() int8 {
	if n == nil {
		return 0
	}
	return n.height
}

func (n *treeNode[K, V]) update() {
	n.height = max(n.left.heightOf(), n.right.heightOf()) + 1
}

// balanced restores the invariant at n, a node of our own whose sides differ
// by at most two.
func balanced[K, V any](n *treeNode[K, V]) *treeNode[K, V] {
	switch n.left.heightOf() - n.right.heightOf() {
	case 2:
		if n.left.left.heightOf() < n.left.right.heightOf() {
			left := *n.left
			n.left = rotateLeft(&left)
		}
		return rotateRight(n)
	case -2:
		if n.right.right.heightOf() < n.right.left.heightOf() {
			right := *n.right
			n.right = rotateRight(&right)
		}
		return rotateLeft(n)
	default:
		n.update()
		return n
	}
}

func rotateLeft[K, V any](n *treeNode[K, V]) *treeNode[K, V] {
	up := *n.right
	n.right = up.left
	n.update()
	up.left = n
	up.update()
	return &up
}

func rotateRight[K, V any](n *treeNode[K, V]) *treeNode[K, V] {
	up := *n.left
	n.left = up.right
	n.update()
	up.right = n
	up.update()
	return &up
}

// all yields the entries in the order of the keys.
func (t tree[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.root.walk(yield) }
}

func (n *treeNode[K, V]) walk(yield func(K, V) bool) bool {
	return n == nil || n.left.walk(yield) && yield(n.key, n.value) && n.right.walk(yield)
}

// from yields the entries whose keys are not less than start, in order.
func (t tree[K, V]) from(start K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.root.walkFrom(start, t.compare, yield) }
}

func (n *treeNode[K, V]) walkFrom(start K, compare func(a, b K) int, yield func(K, V) bool) bool {
	switch {
	case n == nil:
		return true
	case compare(n.key, start) < 0:
		return n.right.walkFrom(start, compare, yield)
	default:
		return n.left.walkFrom(start, compare, yield) && yield(n.key, n.value) && n.right.walk(yield)
	}
}
