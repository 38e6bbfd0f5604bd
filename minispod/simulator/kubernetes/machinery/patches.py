"""The three classic patches: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch.

Each is a pure function from the stored object and the patch to the new object.
"""

from typing import Any

from minispod.simulator.kubernetes.machinery.fields import ANYTHING, child_node
from minispod.simulator.kubernetes.machinery.jsonish import Json, clone
from minispod.simulator.kubernetes.machinery.refusals import Refusal, bad_request
from minispod.simulator.kubernetes.machinery.schema import Node

MISSING = object()


def json_patch(obj: Json, operations: Any) -> Json:
    """The object after all operations; a failed test or an impossible path is 422."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result = clone(obj)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as fault:
            message = "the server rejected our request due to an error in our request"
            raise Refusal(422, "Invalid", message, {}) from fault
    return result


def _operate(obj: Any, operation: Json) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _put(obj, path, clone(operation["value"]), insert=True)
        case "replace":
            _look(obj, path)
            return _put(obj, path, clone(operation["value"]), insert=False)
        case "remove":
            _take(obj, path)
            return obj
        case "move":
            return _put(obj, path, _take(obj, _pointer(operation["from"])), insert=True)
        case "copy":
            return _put(obj, path, clone(_look(obj, _pointer(operation["from"]))), insert=True)
        case "test":
            found = _find(obj, path)
            if (None if found is MISSING else found) != operation.get("value"):
                raise ValueError("test failed")
            return obj
    raise ValueError(f"unknown operation {operation['op']}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError("a pointer starts with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _step(value: Any, part: str) -> Any:
    return value[int(part)] if isinstance(value, list) else value[part]


def _look(obj: Any, path: list[str]) -> Any:
    for part in path:
        obj = _step(obj, part)
    return obj


def _find(obj: Any, path: list[str]) -> Any:
    try:
        return _look(obj, path)
    except (KeyError, IndexError, TypeError, ValueError):
        return MISSING


def _put(obj: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _look(obj, path[:-1]), path[-1]
    if not isinstance(parent, list):
        parent[last] = value
    elif not insert:
        parent[int(last)] = value
    else:
        position = len(parent) if last == "-" else int(last)
        if position > len(parent):
            raise IndexError(position)
        parent.insert(position, value)
    return obj


def _take(obj: Any, path: list[str]) -> Any:
    parent, last = _look(obj, path[:-1]), path[-1]
    return parent.pop(int(last)) if isinstance(parent, list) else parent.pop(last)


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), part)
    return merged


def strategic_merge(node: Node, value: Any, patch: Any) -> Any:
    """Kubernetes' own merge: lists with a merge key are merged member by member, directives are obeyed."""
    if not isinstance(patch, dict):
        return clone(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return _plain({key: part for key, part in patch.items() if key != "$patch"})
    if directive == "delete":
        return {}
    merged = dict(value) if isinstance(value, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        merged = {key: part for key, part in merged.items() if key in retained}
    for key, part in patch.items():
        if not key.startswith("$"):
            _merge_member(child_node(node, key), merged, key, part)
    for key, part in patch.items():
        _obey_list_directive(node, merged, key, part)
    return merged


def _merge_member(node: Node, merged: Json, key: str, part: Any) -> None:
    if part is None:
        merged.pop(key, None)
    elif isinstance(part, dict) and "replace" not in node.patch_strategies:
        merged[key] = strategic_merge(node, merged.get(key), part)
    elif isinstance(part, list) and "merge" in node.patch_strategies:
        merged[key] = _merge_lists(node, merged.get(key) or [], part)
    else:
        merged[key] = clone(part)


def _merge_lists(node: Node, old: list[Any], patch: list[Any]) -> list[Any]:
    if not node.patch_key:
        return [*old, *(item for item in patch if item not in old)]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_plain(item) for item in patch if "$patch" not in item]
    element, key = node.element or ANYTHING, node.patch_key
    result = list(old)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        position = next((at for at, known in enumerate(result) if known.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [known for known in result if known.get(key) != item[key]]
        elif position is None:
            result.append(strategic_merge(element, {}, item))
        else:
            result[position] = strategic_merge(element, result[position], item)
    return result


def _obey_list_directive(node: Node, merged: Json, key: str, part: Any) -> None:
    if key.startswith("$deleteFromPrimitiveList/"):
        name = key.split("/", 1)[1]
        merged[name] = [item for item in merged.get(name) or [] if item not in part]
    elif key.startswith("$setElementOrder/"):
        name = key.split("/", 1)[1]
        merge_key = child_node(node, name).patch_key
        order = [item.get(merge_key) if isinstance(item, dict) else item for item in part]
        if isinstance(merged.get(name), list):
            merged[name] = _reordered(merged[name], order, merge_key)


def _reordered(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Members named by the order come in that order; the others keep their place at the end."""

    def rank(item: Any) -> int:
        word = item.get(merge_key) if isinstance(item, dict) else item
        return order.index(word) if word in order else len(order)

    return sorted(items, key=rank)


def _plain(value: Any) -> Any:
    """A patch's value without directives."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items() if not key.startswith("$")}
    return [_plain(part) for part in value] if isinstance(value, list) else value
