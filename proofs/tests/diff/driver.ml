(* SPDX-License-Identifier: GPL-2.0-only *)
(* Repeats each run of the harness (stdin) in the extracted interpreter; counts what was compared. *)
open Interp

let rec pos_of n =
  if n = 1L then XH
  else
    let rest = pos_of (Int64.shift_right_logical n 1) in
    if Int64.logand n 1L = 1L then XI rest else XO rest

let z_of_string s =
  let n = Int64.of_string ("0u" ^ s) in
  if n = 0L then Z0 else Zpos (pos_of n)

let chars s = List.init (String.length s) (String.get s)

(* every operator with its width *)
let seen : (string, int) Hashtbl.t = Hashtbl.create 64
let count k = Hashtbl.replace seen k (1 + try Hashtbl.find seen k with Not_found -> 0)
let width = function U32 -> "32" | U64 -> "64"

let binop = function
  | Add -> "add" | Sub -> "sub" | Mul -> "mul" | Div -> "div" | Mod -> "mod"
  | And -> "and" | Or -> "or" | Xor -> "xor" | Shl -> "shl" | Shr -> "shr"

let cmpop = function Lt0 -> "lt" | Le -> "le" | Gt0 -> "gt" | Ge -> "ge" | Eq0 -> "eq" | Ne -> "ne"

let rec in_expr = function
  | EConst _ -> count "const"
  | EVar _ -> count "var"
  | ELNot a -> count "lnot"; in_expr a
  | EBNot (t, a) -> count ("bnot" ^ width t); in_expr a
  | EBin (o, t, a, b) -> count (binop o ^ width t); in_expr a; in_expr b
  | ECmp (o, a, b) -> count (cmpop o); in_expr a; in_expr b
  | ELAnd (a, b) -> count "land"; in_expr a; in_expr b
  | ELOr (a, b) -> count "lor"; in_expr a; in_expr b
  | ECond (c, a, b) -> count "cond"; in_expr c; in_expr a; in_expr b
  | ECast (t, a) -> count ("cast" ^ width t); in_expr a

let rec in_stmt = function
  | SSkip -> count "skip"
  | SAssign (_, e) -> count "assign"; in_expr e
  | SCall (_, _, args) -> count "call"; List.iter in_expr args
  | SSeq (a, b) -> in_stmt a; in_stmt b
  | SIf (c, a, b) -> count "if"; in_expr c; in_stmt a; in_stmt b
  | SFor (_, t, a, b, _, s) -> count ("for" ^ width t); in_expr a; in_expr b; in_stmt s
  | SReturn (Some e) -> count "return"; in_expr e
  | SReturn None -> count "return"

let expected =
  List.concat_map (fun o -> [ o ^ "32"; o ^ "64" ])
    [ "add"; "sub"; "mul"; "div"; "mod"; "and"; "or"; "xor"; "shl"; "shr"; "bnot"; "cast"; "for" ]
  @ [ "lt"; "le"; "gt"; "ge"; "eq"; "ne"; "land"; "lor"; "lnot"; "cond"; "assign"; "call"; "if"; "return" ]

let () =
  let runs = ref 0 and bad = ref 0 in
  List.iter (fun (_, d) -> in_stmt d.fn_body) m_random;
  (try
     while true do
       let line = input_line stdin in
       let words = String.split_on_char ' ' line in
       let rec split acc = function
         | "=" :: rest -> (List.rev acc, rest)
         | w :: rest -> split (w :: acc) rest
         | [] -> failwith ("no result in: " ^ line)
       in
       (match split [] words with
        | name :: state :: args, [ result; state' ] ->
          let same =
            match whole (chars name) (List.map z_of_string args) (z_of_string state) with
            | Ok (r, s) -> r = z_of_string result && s = z_of_string state'
            | Halt | Stuck -> false
          in
          incr runs;
          if not same then begin
            incr bad;
            if !bad <= 5 then print_endline ("differs: " ^ line)
          end
        | _ -> failwith ("not a run: " ^ line))
     done
   with End_of_file -> ());
  let missing = List.filter (fun k -> not (Hashtbl.mem seen k)) expected in
  List.iter (fun k -> print_endline ("never used: " ^ k)) missing;
  Printf.printf "%d runs, %d differ, %d of %d constructs used\n" !runs !bad
    (List.length expected - List.length missing) (List.length expected);
  exit (if !bad = 0 && missing = [] && !runs > 0 then 0 else 1)
