(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Runs the extracted top machine for the C side (spec.c).  A state of it is functions, and each step wraps them in new ones; so that a
 * run of any length costs the same for each step, what the functions of the new state give is written into tables after the step, and the
 * next step starts from functions that read the tables.  Each entry that differs from the old one is told to the C side.
 *
 * Which entries are looked at: all of a map, or, where a map is too large (memory, stage 2, vCPUs), those that the action names.  In an
 * audit (each so many steps) all that any action ever named are looked at, and a change that was missed is an error.
 *)
open State
open Machine
module L = Stdlib.List

external arg : (int [@untagged]) -> (int64 [@unboxed]) = "spec_arg_byte" "spec_arg" [@@noalloc]
external emit_ : (int [@untagged]) -> (int [@untagged]) -> (int [@untagged]) -> (int64 [@unboxed]) -> unit = "spec_emit_byte" "spec_emit" [@@noalloc]

exception Bad of string
let bad fmt = Printf.ksprintf (fun s -> raise (Bad s)) fmt

let two64 = Z.shift_left Z.one 64
let z_of_u64 n = if Int64.compare n 0L >= 0 then Z.of_int64 n else Z.add (Z.of_int64 n) two64
let u64_of_z what z =
  if Z.sign z >= 0 && Z.fits_int64 z then Z.to_int64 z
  else if Z.sign z > 0 && Z.lt z two64 then Z.to_int64 (Z.sub z two64)
  else bad "%s is %s, no 64-bit number" what (Z.to_string z)
let int z = if Z.fits_int z then Z.to_int z else -1
let zarg k = z_of_u64 (arg k)
let iarg k = Int64.to_int (arg k)
let same (a : 'a -> 'b) (b : 'a -> 'b) = a == b

(* ---- kinds of entries, as in spec.h ------------------------------------------------------------------------------ *)
let k_owner = 0 let k_maps = 1 let k_vm = 2 let k_vcpu = 3 let k_cpu = 4 let k_cnt = 5 let k_stat = 6 let k_log = 7
let k_s1 = 8 let k_tab = 9 let k_block = 10 let k_page = 11
let k_mem = 12 let k_ctx = 13 let k_fpm = 14 let k_hreg = 15 let k_io = 16

(* ---- the machine -------------------------------------------------------------------------------------------------- *)
let nr_vms = 256 and nr_vcpus = 4096 and nr_cpus = 64 and nr_stats = 24
let regions : (int * int * int) array ref = ref [||]          (* first page, behind the last, index of the first *)
let pages : Z.t array ref = ref [||]                          (* page by index *)
let index p =
  let r = !regions in
  let rec go i = if i = Array.length r then -1 else let (a, b, f) = r.(i) in if p >= a && p < b then f + p - a else go (i + 1) in
  go 0

let zero _ = Z.zero
let owner_t = ref [||] and maps_t = ref [||] and mem_t = ref [||]
let page_fun : (Z.t -> Z.t) array ref = ref [||]
let free_vm = { v_state = Z.zero; v_type = Z.zero; v_vcpus = Z.zero; v_loaded = Z.zero; v_pages = Z.zero; v_tables = Z.zero;
                v_base = Z.zero; v_end = Z.zero; v_cursor = Z.zero; v_guard = [] }
let free_vcpu = { c_state = Z.zero; c_power = Z.zero; c_pending = Z.zero; c_esr = Z.zero; c_page = Z.zero; c_cpu = Z.zero }
let no_vcpu = Z.of_string "0xffffffff"
let free_cpu = { u_vcpu = no_vcpu; u_run = false; u_fp = false; u_call = CNone }
let vm_t = Array.make nr_vms free_vm
let vcpu_t = Array.make nr_vcpus free_vcpu
let cpu_t = Array.make nr_cpus free_cpu
let cnt_t = Array.make 101 Z.zero
let stat_t = Array.make (nr_cpus * nr_stats) Z.zero

module H = Hashtbl.Make (struct type t = int let equal (a : int) b = a = b let hash x = (x lxor (x lsr 20)) land max_int end)
let s1_t : unit H.t = H.create 64
let tab_t : unit H.t = H.create 256
let block_t : leaf H.t = H.create 256
let page_t : leaf H.t = H.create 4096
let gib_key v g = v lsl 10 lor g and block_key v b = v lsl 19 lor b and page_key v i = v lsl 28 lor i
let in_space v x n = v >= 0 && v < nr_vms && x >= 0 && x < n

(* words of one vCPU or CPU; made when they are first written *)
let words n = Array.make n [||]
let ctx_t = words nr_vcpus and io_t = words nr_vcpus and fpm_t = words nr_cpus and hreg_t = words nr_cpus
let ctx_words = 203 and io_words = 105 and fpm_words = 172 and hreg_words = 65
let word_of t i k = let a = Array.unsafe_get t i in let k = int k in if k >= 0 && k < Array.length a then Array.unsafe_get a k else Z.zero
let funs t = Array.init (Array.length t) (fun i k -> word_of t i k)
let ctx_fun = funs ctx_t and io_fun = funs io_t and fpm_fun = funs fpm_t and hreg_fun = funs hreg_t
let pick f n x = let i = int x in if i >= 0 && i < n then f.(i) else zero

let base_pub = {
  owner = (fun p -> let i = index (int p) in if i < 0 then Z.zero else !owner_t.(i));
  maps = (fun p -> let i = index (int p) in if i < 0 then Z.zero else !maps_t.(i));
  vm = (fun v -> let v = int v in if v >= 0 && v < nr_vms then vm_t.(v) else free_vm);
  lf = (fun v x -> let v = int v in
         match x with
         | Block b -> let b = int b in if in_space v b 524288 then H.find_opt block_t (block_key v b) else None
         | Page i -> let i = int i in if in_space v i 268435456 then H.find_opt page_t (page_key v i) else None);
  s1 = (fun v g -> let v = int v and g = int g in in_space v g 1024 && H.mem s1_t (gib_key v g));
  tab = (fun v b -> let v = int v and b = int b in in_space v b 524288 && H.mem tab_t (block_key v b));
  vcpu = (fun w -> let w = int w in if w >= 0 && w < nr_vcpus then vcpu_t.(w) else free_vcpu);
  cpu = (fun c -> let c = int c in if c >= 0 && c < nr_cpus then cpu_t.(c) else free_cpu);
  cnt = (fun k -> let k = int k in if k >= 0 && k <= 100 then cnt_t.(k) else Z.zero);
  stat = (fun c k -> let c = int c and k = int k in
           if c >= 0 && c < nr_cpus && k >= 0 && k < nr_stats then stat_t.(c * nr_stats + k) else Z.zero);
  logged = [] }
let base_data = {
  mem = (fun p -> let i = index (int p) in if i < 0 then zero else !page_fun.(i));
  ctx = pick ctx_fun nr_vcpus; io = pick io_fun nr_vcpus; fpm = pick fpm_fun nr_cpus; hreg = pick hreg_fun nr_cpus }
let now = ref { coq_P = base_pub; coq_D = base_data }

let machine : config ref = ref { region = zero; denied = (fun _ -> false); core = (fun _ -> false); pool = Z.zero; reserve = Z.zero;
  installed_core = Z.zero; info = (fun _ _ -> Z.zero); gicv3 = false; aarch32 = false; ras = false; broken = (fun _ -> false) }

(* ---- what a step changed ------------------------------------------------------------------------------------------ *)
let audit_every = ref 0 and steps = ref 0
let cpus_here = ref nr_cpus                                   (* actions name no other CPU *)
let small = Array.init 4096 Z.of_int
let zi i = if i < 4096 then Array.unsafe_get small i else Z.of_int i

(* All VMs that exist: vCPUs, contexts and interfaces of others do not change. *)
let alive = ref []
(* Blocks of IPAs that a step has named, by VM. *)
let named : unit H.t = H.create 256

let changes : (unit -> unit) list ref = ref []
let change f = changes := f :: !changes

let number what k a b v w write =
  if not (Z.equal v w) then begin let n = u64_of_z what w in change (fun () -> write w; emit_ k a b n) end

let vm_fields = [| (fun r -> r.v_state); (fun r -> r.v_type); (fun r -> r.v_vcpus); (fun r -> r.v_loaded); (fun r -> r.v_pages);
  (fun r -> r.v_tables); (fun r -> r.v_base); (fun r -> r.v_end); (fun r -> r.v_cursor) |]
let vcpu_fields = [| (fun r -> r.c_state); (fun r -> r.c_power); (fun r -> r.c_pending); (fun r -> r.c_esr); (fun r -> r.c_page);
  (fun r -> r.c_cpu) |]
let b2i b = if b then 1L else 0L

let vm_changed v (old : vmrec) (r : vmrec) =
  if old != r then begin
    let told = ref [] in
    Array.iteri (fun k f -> if not (Z.equal (f old) (f r)) then told := (k, u64_of_z "a field of a VM" (f r)) :: !told) vm_fields;
    if old.v_guard <> r.v_guard then begin
      let tell k z = told := (k, u64_of_z "a range of a VM" z) :: !told in
      tell 9 (Z.of_int (L.length r.v_guard));
      L.iteri (fun k (a, b) -> tell (10 + 2 * k) a; tell (11 + 2 * k) b) r.v_guard
    end;
    if !told <> [] then change (fun () ->
      vm_t.(v) <- r;
      L.iter (fun (k, n) -> emit_ k_vm v k n) !told;
      if Z.equal r.v_state Z.zero then alive := L.filter (fun x -> x <> v) !alive
      else if v > 0 && not (L.mem v !alive) then alive := v :: !alive)
  end
let vcpu_changed w (old : vcpurec) (r : vcpurec) =
  if old != r then begin
    let told = ref [] in
    Array.iteri (fun k f -> if not (Z.equal (f old) (f r)) then told := (k, u64_of_z "a field of a vCPU" (f r)) :: !told) vcpu_fields;
    if !told <> [] then change (fun () -> vcpu_t.(w) <- r; L.iter (fun (k, n) -> emit_ k_vcpu w k n) !told)
  end
let cpu_changed c (old : cpurec) (r : cpurec) =
  if old != r then change (fun () ->
    cpu_t.(c) <- r;
    if not (Z.equal old.u_vcpu r.u_vcpu) then emit_ k_cpu c 0 (u64_of_z "u_vcpu" r.u_vcpu);
    if old.u_run <> r.u_run then emit_ k_cpu c 1 (b2i r.u_run);
    if old.u_fp <> r.u_fp then emit_ k_cpu c 2 (b2i r.u_fp))

let flag k a b t key v =
  if v <> H.mem t key then change (fun () -> (if v then H.replace t key () else H.remove t key); emit_ k a b (b2i v))
let leaf_changed k a b t key v =
  let old = H.find_opt t key in
  let differs = match old, v with
    | None, None -> false
    | Some x, Some y -> not (x == y || (Z.equal x.l_page y.l_page && Z.equal x.l_prot y.l_prot))
    | _ -> true in
  if differs then
    let n = match v with
      | None -> -1L
      | Some l -> Int64.logor (Int64.shift_left (u64_of_z "the page of a leaf" l.l_page) 4) (u64_of_z "rights" l.l_prot) in
    change (fun () -> (match v with Some l -> H.replace t key l | None -> H.remove t key); emit_ k a b n)

let words_changed what k t i size f =
  let old = t.(i) in
  let fresh = if Array.length old = 0 then Array.make size Z.zero else old in
  for o = 0 to size - 1 do
    number what k i o (Array.unsafe_get fresh o) (f (zi o)) (fun w -> (if Array.length t.(i) = 0 then t.(i) <- Array.make size Z.zero); t.(i).(o) <- w)
  done
let mem_changed what i f = words_changed what k_mem !mem_t i 512 f

let vcpus_of_alive f = L.iter (fun v -> for w = v * 16 to v * 16 + 15 do f w done) !alive
let every n f = for i = 0 to n - 1 do f i done

(* What the new functions give for all that was ever named; to be compared with the tables when they are written. *)
let audit (s : st) stores =
  let p = s.coq_P and d = s.coq_D and e = !now.coq_D in
  let blocks = H.fold (fun k () l ->
    let v = zi (k lsr 19) and x = k land 524287 in
    (k, p.s1 v (Z.of_int (x / 512)), p.tab v (Z.of_int x), p.lf v (Block (Z.of_int x)),
     Array.init 512 (fun i -> p.lf v (Page (Z.of_int (x * 512 + i))))) :: l) named [] in
  let vcpus = Array.init nr_vcpus (fun w -> p.vcpu (zi w)) in
  let bank n t f funs size = if f == funs then [] else L.concat (L.init n (fun i ->
    let g = f i in if Array.length t.(i) = 0 && g == funs i then [] else [(t, i, Array.init size (fun o -> g (zi o)))])) in
  let at f i = f (zi i) in
  let memory = if e.mem == d.mem then [] else
    L.filter_map (fun x -> x) (Array.to_list (Array.mapi (fun i q ->
      let f = d.mem q in
      (* a store makes another function of each page: those without contents stay out *)
      if f == !page_fun.(i) || (stores <> [] && Array.length !mem_t.(i) = 0) then None else Some (!mem_t, i, Array.init 512 (fun o -> f (zi o)))) !pages)) in
  let all = memory @ bank nr_vcpus ctx_t (at d.ctx) (at e.ctx) ctx_words @ bank nr_vcpus io_t (at d.io) (at e.io) io_words in
  fun () ->
    let leaf_same a b = match a, b with
      | None, None -> true
      | Some x, Some y -> Z.equal x.l_page y.l_page && Z.equal x.l_prot y.l_prot
      | _ -> false in
    L.iter (fun (k, g, t, b, l) ->
      let v = k lsr 19 and x = k land 524287 in
      if g <> H.mem s1_t (gib_key v (x / 512)) || t <> H.mem tab_t k || not (leaf_same b (H.find_opt block_t k)) then
        bad "audit: VM %d, block %#x: changed by an action that does not name it" v x;
      Array.iteri (fun i y -> if not (leaf_same y (H.find_opt page_t (page_key v (x * 512 + i)))) then
        bad "audit: VM %d, page %#x: changed by an action that does not name it" v (x * 512 + i)) l) blocks;
    Array.iteri (fun w r -> if not (Array.for_all (fun f -> Z.equal (f r) (f vcpu_t.(w))) vcpu_fields) then
      bad "audit: vCPU %#x changed by an action that does not name it" w) vcpus;
    L.iter (fun (t, i, l) -> Array.iteri (fun o v -> if not (Z.equal v (word_of t i (zi o))) then
      bad "audit: word %d of %d changed by an action that does not name it" o i) l) all

(* places: (VM, page of the IPA) whose translation the step may have changed; stores: words of memory. *)
let commit (s : st) places stores =
  let p = s.coq_P and d = s.coq_D and b = !now.coq_P and e = !now.coq_D in
  changes := [];
  let moved = ref [] in
  if not (same p.owner b.owner) then
    Array.iteri (fun i q ->
      let v = p.owner q in
      if not (Z.equal v !owner_t.(i)) then moved := i :: !moved;
      number "an owner" k_owner i 0 !owner_t.(i) v (fun w -> !owner_t.(i) <- w)) !pages;
  if not (same p.maps b.maps) then
    Array.iteri (fun i q -> number "a count of mappings" k_maps i 0 !maps_t.(i) (p.maps q) (fun w -> !maps_t.(i) <- w)) !pages;
  let created = ref [] in
  if not (same p.vm b.vm) then every nr_vms (fun v ->
    let r = p.vm (zi v) in
    if Z.equal vm_t.(v).v_state Z.zero && r != vm_t.(v) then created := v :: !created;
    vm_changed v vm_t.(v) r);
  let vcpus f = vcpus_of_alive f; L.iter (fun v -> for w = v * 16 to v * 16 + 15 do f w done) !created in
  if not (same p.vcpu b.vcpu) then vcpus (fun w -> vcpu_changed w vcpu_t.(w) (p.vcpu (zi w)));
  if not (same p.cpu b.cpu) then every !cpus_here (fun c -> cpu_changed c cpu_t.(c) (p.cpu (zi c)));
  if not (same p.cnt b.cnt) then every 101 (fun k ->
    if k < nr_stats || k = 100 then number "a counter" k_cnt k 0 cnt_t.(k) (p.cnt (zi k)) (fun w -> cnt_t.(k) <- w));
  if p.stat != b.stat then every !cpus_here (fun c -> every nr_stats (fun k ->
    let i = c * nr_stats + k in
    number "a CPU's counter" k_stat c k stat_t.(i) (p.stat (zi c) (zi k)) (fun w -> stat_t.(i) <- w)));
  (* stage 2 *)
  let tables = p.s1 != b.s1 || p.tab != b.tab in
  if p.lf != b.lf || tables then begin
    let gib v g = flag k_s1 v g s1_t (gib_key v g) (p.s1 (zi v) (Z.of_int g)) in
    let block v x =
      flag k_tab v x tab_t (block_key v x) (p.tab (zi v) (Z.of_int x));
      leaf_changed k_block v x block_t (block_key v x) (p.lf (zi v) (Block (Z.of_int x))) in
    let page v i = leaf_changed k_page v i page_t (page_key v i) (p.lf (zi v) (Page (Z.of_int i))) in
    let seen = H.create 64 and gseen = H.create 8 in
    let once t k f = if not (H.mem t k) then begin H.replace t k (); f () end in
    let whole v x = once seen (block_key v x) (fun () -> block v x; for i = x * 512 to x * 512 + 511 do page v i done) in
    let area v x = once gseen (gib_key v (x / 512)) (fun () -> gib v (x / 512)); if tables then whole v x else
      begin once seen (block_key v x) (fun () -> block v x) end in
    L.iter (fun (v, i) -> if in_space v i 268435456 then begin
      area v (i / 512);
      if not tables then page v i;
      (* a table of blocks that went: all below it *)
      if p.s1 != b.s1 && H.mem s1_t (gib_key v (i / 262144)) && not (p.s1 (zi v) (Z.of_int (i / 262144))) then
        for x = i / 262144 * 512 to i / 262144 * 512 + 511 do
          if H.mem tab_t (block_key v x) || H.mem block_t (block_key v x) then whole v x
        done
    end) places
  end;
  (* contents *)
  if e.mem != d.mem then begin
    L.iter (fun (q, o) -> let i = index q in
      if i >= 0 then begin
        let v = d.mem (Z.of_int q) (Z.of_int o) in
        let old = !page_fun.(i) (Z.of_int o) in
        number "a word" k_mem i o old v (fun w -> (if Array.length !mem_t.(i) = 0 then !mem_t.(i) <- Array.make 512 Z.zero); !mem_t.(i).(o) <- w)
      end) stores;
    let look i = let f = d.mem !pages.(i) in if f != !page_fun.(i) then mem_changed "a word of a page" i f in
    if stores = [] then begin
      L.iter look !moved;
      let seen = ref [] in
      let shared r = if not (Z.equal r.c_state Z.zero) then begin
        let i = index (int r.c_page) in
        if i >= 0 && not (L.memq i !seen) && not (L.memq i !moved) then begin seen := i :: !seen; look i end end in
      vcpus_of_alive (fun w -> shared vcpu_t.(w))
    end
  end;
  if e.ctx != d.ctx then vcpus (fun w -> let f = d.ctx (zi w) in if f != ctx_fun.(w) then words_changed "a register" k_ctx ctx_t w ctx_words f);
  if e.io != d.io then vcpus (fun w -> let f = d.io (zi w) in if f != io_fun.(w) then words_changed "a word of a virtual GIC" k_io io_t w io_words f);
  if e.fpm != d.fpm then every !cpus_here (fun c -> let f = d.fpm (zi c) in if f != fpm_fun.(c) then words_changed "an FP register" k_fpm fpm_t c fpm_words f);
  if e.hreg != d.hreg then every !cpus_here (fun c ->
    let f = d.hreg (zi c) in if f != hreg_fun.(c) then words_changed "a register of the host" k_hreg hreg_t c hreg_words f);
  L.iter (fun f -> f ()) !changes;
  changes := [];
  let rec fresh l acc = if l == b.logged then acc else match l with x :: l -> fresh l (x :: acc) | [] -> bad "the log was rewritten" in
  L.iter (fun ((ev, x), y) ->
    emit_ k_log 0 0 (u64_of_z "an event" ev); emit_ k_log 0 1 (u64_of_z "an event's value" x); emit_ k_log 0 2 (u64_of_z "an event's value" y))
    (fresh p.logged []);
  now := { coq_P = (if p.logged == base_pub.logged then base_pub else { base_pub with logged = p.logged }); coq_D = base_data }

let name_place (v, i) = if in_space v i 268435456 then H.replace named (block_key v (i / 512)) ()

let act a places stores =
  incr steps;
  L.iter name_place places;
  match step !machine a !now with
  | Lang.Ok s ->
    if s != !now then
      if !audit_every > 0 && !steps mod !audit_every = 0 then begin let check = audit s stores in commit s places stores; check () end
      else commit s places stores
  | Lang.Halt -> bad "the top machine halts"
  | Lang.Stuck -> bad "the top machine is stuck: the core would be wrong"

(* ---- what the C side asks for --------------------------------------------------------------------------------------- *)
let cpu_of c = !now.coq_P.cpu c
let place v i = (int v, int i)
let page_of z = Z.shift_right z 12

let places_of_call = function
  | CNone -> []
  | CDonate (v, i, p) -> [place v i; place Z.zero p]
  | CClear (v, _, _, _, _, x, _) -> [place v x]
  | CLeaf (v, i, _, _, _, _) -> [place v i]
  | CUnmap (v, x, _, _, _, _) | CProtect (v, x, _, _) | CProtectDrop (v, x, _, _, _, _) | CProtectMap (v, x, _, _, _, _) -> [place v x]
  | CReap (v, _, _) -> [place v (!now.coq_P.vm v).v_cursor]

(* The sections that follow, at most [max] in all unless it is 0; is the call over? *)
let rec go c n max =
  let call = (cpu_of c).u_call in
  if call = CNone then 1L
  else if max > 0 && n = max then 0L
  else if n > 5000 then bad "a call of more than 5000 sections"
  else begin act (HGo c) (places_of_call call) []; go c (n + 1) max end

let writes_at k = let n = iarg k in L.init n (fun i -> (zarg (k + 1 + 2 * i), zarg (k + 2 + 2 * i)))

let begin_call () =
  let c = zarg 0 in
  let r = Oracle.request_of (zarg 1) (zarg 2) (zarg 3) (zarg 4) (zarg 5) (zarg 6) (zarg 7) in
  let before, places = match r with
    | Hyper.RDonate (v, a, b) -> 1, [place v (page_of a); place Z.zero (page_of b)]
    | Hyper.RMap _ | Hyper.RUnmap _ | Hyper.RProtect _ -> 0, []
    | _ -> 1, [] in
  act (HCall (c, r)) places [];
  go c before (iarg 8)

let stored v a = match walk !now.coq_P v (page_of a) with
  | Some (p, _) -> [(int p, Int64.to_int (Int64.rem (Int64.shift_right_logical (u64_of_z "an address" a) 3) 512L))]
  | None -> []
let vm_here c = Z.shift_right (cpu_of c).u_vcpu 4

let reset () =
  let n = iarg 0 in
  let first = ref 0 in
  regions := Array.init n (fun i ->
    let a = iarg (1 + 2 * i) and b = iarg (2 + 2 * i) in
    let r = (a, b, !first) in first := !first + b - a; r);
  let k = 1 + 2 * n in
  let denied = L.init (iarg k) (fun i -> (iarg (k + 1 + 2 * i), iarg (k + 2 + 2 * i))) in
  let k = k + 1 + 2 * L.length denied in
  let lo = iarg k and hi = iarg (k + 1) and cpus = iarg (k + 8) in
  let info = Array.init (cpus * 6) (fun i -> zarg (k + 11 + i)) in
  let broken = iarg (k + 10) in
  audit_every := iarg (k + 9); cpus_here := cpus;
  if Array.length !pages <> !first then begin
    pages := Array.concat (Array.to_list (Array.map (fun (a, b, _) -> Array.init (b - a) (fun i -> Z.of_int (a + i))) !regions));
    mem_t := Array.make !first [||];
    page_fun := Array.init !first (fun i k -> word_of !mem_t i k);
    owner_t := Array.make !first Z.zero;
    maps_t := Array.make !first Z.zero
  end;
  let minus = Z.minus_one in
  machine := {
    region = (fun p -> let p = int p in
      let rec go i = if i = Array.length !regions then minus else let (a, b, _) = !regions.(i) in if p >= a && p < b then zi i else go (i + 1) in go 0);
    denied = (fun p -> let p = int p in L.exists (fun (a, b) -> p >= a && p < b) denied);
    core = (fun p -> let p = int p in p >= lo && p < hi);
    pool = zarg (k + 2); reserve = zarg (k + 3); installed_core = zarg (k + 4); gicv3 = iarg (k + 5) <> 0; ras = iarg (k + 6) <> 0; aarch32 = iarg (k + 7) <> 0;
    info = (fun c w -> let c = int c and w = int w in if c >= 0 && c < cpus && w >= 0 && w < 6 then info.(c * 6 + w) else Z.zero);
    broken = (fun k -> broken = 1 + (match k with
      | CheckOwner -> 0 | CheckMaps -> 1 | CheckScrub -> 2 | CheckExit -> 3 | CheckEnter -> 4 | CheckFp -> 5 | CheckUnshare -> 6 | CheckHostFp -> 7)) };
  let boot = boot_pub !machine in
  Array.iteri (fun i p -> !owner_t.(i) <- boot.owner p; !maps_t.(i) <- boot.maps p) !pages;
  Array.fill !mem_t 0 !first [||];
  Array.fill vm_t 0 nr_vms free_vm; Array.fill vcpu_t 0 nr_vcpus free_vcpu; Array.fill cpu_t 0 nr_cpus free_cpu;
  every 101 (fun k -> cnt_t.(k) <- boot.cnt (zi k));
  Array.fill stat_t 0 (nr_cpus * nr_stats) Z.zero;
  H.clear s1_t; H.clear tab_t; H.clear block_t; H.clear page_t; H.clear named;
  L.iter (fun t -> Array.fill t 0 (Array.length t) [||]) [ctx_t; io_t; fpm_t; hreg_t];
  alive := []; steps := 0;
  (* the first state is told whole, as far as it is not zero *)
  Array.iteri (fun i v -> if not (Z.equal v Z.zero) then emit_ k_owner i 0 (u64_of_z "an owner" v)) !owner_t;
  every nr_cpus (fun c -> emit_ k_cpu c 0 (u64_of_z "u_vcpu" no_vcpu));
  Array.iteri (fun k v -> if not (Z.equal v Z.zero) then emit_ k_cnt k 0 (u64_of_z "a counter" v)) cnt_t;
  now := { coq_P = base_pub; coq_D = base_data }

(* A word of the first state's contents: registers of the host, FP registers. *)
let first_word () =
  let k = iarg 0 and i = iarg 1 and o = iarg 2 and v = zarg 3 in
  let t, size = if k = k_fpm then fpm_t, fpm_words else hreg_t, hreg_words in
  if Array.length t.(i) = 0 then t.(i) <- Array.make size Z.zero;
  t.(i).(o) <- v;
  emit_ k i o (arg 3)

let guest op = let c = zarg 0 in act (G (c, op)) [] []
(* A call about a page changes its VM's stage 2 and the host's. *)
let guest_trap op = match op with
  | OMem (_, i, _) ->
    let c = zarg 0 in
    let v = vm_here c in
    let held = match walk !now.coq_P v i with Some (p, _) -> [place Z.zero p] | None -> [] in
    act (G (c, op)) (place v i :: held) []
  | _ -> guest op
let const x = fun _ -> x

let serve op = match op with
  | 0 -> reset (); 0L
  | 1 -> first_word (); 0L
  | 2 -> let l = writes_at 1 in act (HSet (zarg 0, const l)) [] []; 0L
  | 3 -> begin_call ()
  | 4 -> go (zarg 0) 0 (iarg 1)
  | 5 -> act (HRun (zarg 0, zarg 1)) [] []; 0L
  | 6 -> let ipa = zarg 1 in act (HAbort (zarg 0, ipa, zarg 2)) [place Z.zero (page_of ipa)] []; 0L
  | 7 -> act (HStub (zarg 0)) [] []; 0L
  | 8 ->
    let target = if iarg 1 < 0 then None else Some (zarg 1, iarg 2 <> 0) in
    act (HSmc (zarg 0, { Smc.p_firmware = L.init 18 (fun i -> zarg (3 + i)); p_target = target })) [] []; 0L
  | 9 -> let l = writes_at 1 in act (HFp (zarg 0, const l)) [] []; 0L
  | 10 -> act (HLoad (zarg 0, const (zarg 1), zarg 2)) [] []; 0L
  | 11 -> let a = zarg 1 in act (HStore (zarg 0, const a, const (zarg 2))) [] (stored Z.zero a); 0L
  | 12 -> act (DMove (zarg 0, zarg 1, zarg 2, zarg 3)) [] [(iarg 2, iarg 3)]; 0L
  | 13 -> guest (OSet (const (writes_at 1))); 0L
  | 14 -> guest (OFp (const (writes_at 1))); 0L
  | 15 -> guest (OLoad (const (zarg 1), zarg 2)); 0L
  | 16 -> let a = zarg 1 in let c = zarg 0 in act (G (c, OStore (const a, const (zarg 2)))) [] (stored (vm_here c) a); 0L
  | 17 -> guest (OIo (const (writes_at 1))); 0L
  | 18 ->
    let w = (cpu_of (zarg 0)).u_vcpu in
    let guarded = protected !now.coq_P (vm_of w) and vm = !now.coq_P.vm (vm_of w) in
    let hides = Guest.hidden !now.coq_P (vm_of w) (zarg 1) (zarg 3) in
    guest_trap (Oracle.trap_op guarded !machine.gicv3 hides (zarg 1) (zarg 2) (zarg 3) (zarg 4) vm.v_base vm.v_end (zarg 5) (greg !now w)); 0L
  | 19 -> guest (OCount (Guest.cause (zarg 1))); 0L
  | 20 -> act (HIrq (zarg 0, zarg 1)) [] []; 0L
  | 21 -> guest (OHostFp (const (writes_at 1))); 0L
  | _ -> bad "no such action: %d" op

let message = ref ""
let () =
  Callback.register "spec_serve" (fun (op : int) ->
    try serve op with
    | Bad s -> message := s; -1L
    | e -> message := Printexc.to_string e; -1L);
  Callback.register "spec_message" (fun () -> !message)
